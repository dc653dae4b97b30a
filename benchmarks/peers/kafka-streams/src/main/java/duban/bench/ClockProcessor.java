package duban.bench;

import com.fasterxml.jackson.core.JsonFactory;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Comparator;
import java.util.PriorityQueue;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** One clock a case, an alert on breach. States are in the store; the queue of timers is made of them at the start. */
final class ClockProcessor implements Processor<byte[], byte[], byte[], byte[]> {
    static final String STORE = "cases";
    private static final JsonFactory FACTORY = new JsonFactory();

    private record Timer(long due, byte[] key) {}

    private final PriorityQueue<Timer> timers = new PriorityQueue<>(Comparator.comparingLong(Timer::due));
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], CaseState> cases;
    private long watermark;

    @Override
    public void init(ProcessorContext<byte[], byte[]> given) {
        context = given;
        cases = given.getStateStore(STORE);
        try (var all = cases.all()) {
            all.forEachRemaining(entry -> {
                if (entry.value.phase == CaseState.RUNNING) {
                    timers.add(new Timer(entry.value.due, entry.key));
                }
            });
        }
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        Event event = Event.read(record.value());
        if (event.type.equals("clock.ticked.v1")) {
            tick(event.asOf, record.timestamp());
            return;
        }
        byte[] key = record.key();
        CaseState state = cases.get(key);
        if (state == null) {
            state = new CaseState();
            state.agency = event.agency;
            state.section = event.section;
        } else if (event.sequence <= state.last) {
            return;
        }
        state.last = event.sequence;
        if (event.type.equals("approval.accepted.v1") && state.phase == CaseState.OPEN && event.limitHours >= 0) {
            state.phase = CaseState.RUNNING;
            state.due = event.time + event.limitHours * 3600;
            state.agency = event.agency;
            state.section = event.section;
            state.started = event.id;
            timers.add(new Timer(state.due, key));
        }
        long until = Math.max(event.time, watermark);
        if (state.phase == CaseState.RUNNING && until > state.due) {
            breach(event.subject, state, until, record.timestamp());
        }
        if (event.type.equals("approval.decided.v1") && state.phase == CaseState.RUNNING) {
            state.phase = CaseState.STOPPED;
        }
        cases.put(key, state);
    }

    private void tick(long asOf, long timestamp) {
        watermark = Math.max(watermark, asOf);
        while (!timers.isEmpty() && timers.peek().due < asOf) {
            Timer timer = timers.poll();
            CaseState state = cases.get(timer.key);
            if (state != null && state.phase == CaseState.RUNNING && state.due == timer.due) {
                breach(new String(timer.key, StandardCharsets.UTF_8), state, asOf, timestamp);
                cases.put(timer.key, state);
            }
        }
    }

    private void breach(String name, CaseState state, long known, long timestamp) {
        state.phase = CaseState.BREACHED;
        String alert = "overdue/" + name, at = Instant.ofEpochSecond(known).toString();
        var out = new ByteArrayOutputStream(512);
        try (var json = FACTORY.createGenerator(out)) {
            json.writeStartObject();
            json.writeStringField("id", alert);
            json.writeStringField("source", "/bench");
            json.writeStringField("type", "clock.breached.v1");
            json.writeStringField("subject", alert);
            json.writeStringField("time", at);
            json.writeNumberField("sequence", 1);
            json.writeStringField("timeline", "bench");
            json.writeStringField("specversion", "1.0");
            json.writeStringField("datacontenttype", "application/json");
            json.writeObjectFieldStart("data");
            json.writeStringField("alert_id", alert);
            json.writeStringField("rule", "overdue");
            json.writeStringField("subject", name);
            json.writeStringField("agency", state.agency);
            json.writeStringField("section", state.section);
            json.writeStringField("due_at", Instant.ofEpochSecond(state.due).toString());
            json.writeStringField("known_at", at);
            json.writeArrayFieldStart("evidence");
            json.writeString(state.started);
            json.writeEndArray();
            json.writeEndObject();
            json.writeEndObject();
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
        context.forward(new Record<>(alert.getBytes(StandardCharsets.UTF_8), out.toByteArray(), timestamp));
    }
}
