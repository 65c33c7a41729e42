package dev.berth.runtime.spec;

import com.google.gson.TypeAdapter;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.JsonWriter;
import java.io.IOException;
import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/**
 * Keeps an unsigned 64-bit number in the bits of a long: RLIM_INFINITY is written as
 * 18446744073709551615.
 */
final class Unsigned64 extends TypeAdapter<@Nullable Long> {
  @Override
  public void write(JsonWriter out, @Nullable Long value) throws IOException {
    if (value == null) {
      out.nullValue();
    } else {
      out.value(new BigInteger(Long.toUnsignedString(value)));
    }
  }

  @Override
  public @Nullable Long read(JsonReader in) throws IOException {
    if (in.peek() == JsonToken.NULL) {
      in.nextNull();
      return null;
    }
    StrictTypes.expect(in, JsonToken.NUMBER, "a number");
    try {
      return Long.parseUnsignedLong(in.nextString());
    } catch (NumberFormatException e) {
      throw StrictTypes.badValueBefore(
          in, "expected a whole number from 0 to 18446744073709551615");
    }
  }
}
