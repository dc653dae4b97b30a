package duban.bench;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;

/** What is kept of a case; instants are seconds since the epoch. */
final class CaseState {
    static final byte OPEN = 0, RUNNING = 1, STOPPED = 2, BREACHED = 3;
    int last;
    byte phase = OPEN;
    long due;
    String agency = "", section = "", started = "";

    static final class Serde implements org.apache.kafka.common.serialization.Serde<CaseState> {
        @Override
        public Serializer<CaseState> serializer() {
            return (topic, state) -> {
                if (state == null) {
                    return null;
                }
                byte[] agency = bytes(state.agency), section = bytes(state.section), started = bytes(state.started);
                var buffer = ByteBuffer.allocate(16 + agency.length + section.length + started.length);
                buffer.putInt(state.last).put(state.phase).putLong(state.due);
                put(buffer, agency);
                put(buffer, section);
                put(buffer, started);
                return buffer.array();
            };
        }

        @Override
        public Deserializer<CaseState> deserializer() {
            return (topic, value) -> {
                if (value == null) {
                    return null;
                }
                var buffer = ByteBuffer.wrap(value);
                var state = new CaseState();
                state.last = buffer.getInt();
                state.phase = buffer.get();
                state.due = buffer.getLong();
                state.agency = text(buffer);
                state.section = text(buffer);
                state.started = text(buffer);
                return state;
            };
        }

        private static byte[] bytes(String text) {
            return text.getBytes(StandardCharsets.UTF_8);
        }

        private static void put(ByteBuffer buffer, byte[] text) {
            buffer.put((byte) text.length).put(text);
        }

        private static String text(ByteBuffer buffer) {
            int length = buffer.get();
            var found = new String(buffer.array(), buffer.position(), length, StandardCharsets.UTF_8);
            buffer.position(buffer.position() + length);
            return found;
        }
    }
}
