package duban.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.time.Instant;

/** The fields of a CloudEvents record that the job needs, read by Jackson's streaming parser. */
final class Event {
    private static final JsonFactory FACTORY = new JsonFactory();
    String id, type, subject, agency = "", section = "";
    long time, asOf, limitHours = -1;
    int sequence;

    static Event read(byte[] value) {
        try (JsonParser parser = FACTORY.createParser(value)) {
            var event = new Event();
            parser.nextToken();
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                parser.nextToken();
                switch (name) {
                    case "id" -> event.id = parser.getText();
                    case "type" -> event.type = parser.getText();
                    case "subject" -> event.subject = parser.getText();
                    case "time" -> event.time = seconds(parser.getText());
                    case "sequence" -> event.sequence = parser.getIntValue();
                    case "data" -> event.readData(parser);
                    default -> parser.skipChildren();
                }
            }
            return event;
        } catch (IOException error) {
            throw new IllegalArgumentException(error);
        }
    }

    private void readData(JsonParser parser) throws IOException {
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = parser.currentName();
            parser.nextToken();
            switch (name) {
                case "agency" -> agency = parser.getText();
                case "section" -> section = parser.getText();
                case "as_of" -> asOf = seconds(parser.getText());
                case "statutory_limit" -> {
                    while (parser.nextToken() != JsonToken.END_OBJECT) {
                        boolean amount = parser.currentName().equals("amount");
                        parser.nextToken();
                        if (amount) {
                            limitHours = parser.getLongValue();
                        }
                    }
                }
                default -> parser.skipChildren();
            }
        }
    }

    /** Seconds since the epoch of "2026-01-05T00:00:00Z", read by hand; any other form by Instant. */
    static long seconds(String text) {
        if (text.length() != 20 || text.charAt(19) != 'Z') {
            return Instant.parse(text).getEpochSecond();
        }
        long year = number(text, 0, 4), month = number(text, 5, 7), day = number(text, 8, 10);
        year -= month <= 2 ? 1 : 0; // days from the civil date: years begin in March
        long era = Math.floorDiv(year, 400), ofEra = year - era * 400;
        long ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        long days = era * 146097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719468;
        return days * 86400 + number(text, 11, 13) * 3600 + number(text, 14, 16) * 60 + number(text, 17, 19);
    }

    private static long number(String text, int from, int to) {
        long found = 0;
        for (int at = from; at < to; at++) {
            found = found * 10 + text.charAt(at) - '0';
        }
        return found;
    }
}
