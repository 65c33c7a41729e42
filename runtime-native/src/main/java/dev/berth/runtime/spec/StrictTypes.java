package dev.berth.runtime.spec;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import com.google.gson.TypeAdapter;
import com.google.gson.TypeAdapterFactory;
import com.google.gson.reflect.TypeToken;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.JsonWriter;
import java.io.IOException;
import java.util.Collection;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Gson's own adapters coerce: {@code "1"} into 1, {@code 1} into {@code "1"}. These do not. They
 * also refuse a NUL in any text, because the kernel would cut it there, leave out empty
 * collections, and refuse a null inside one.
 */
final class StrictTypes implements TypeAdapterFactory {
  @Override
  @SuppressWarnings("unchecked") // each branch has just compared the type
  public <T> @Nullable TypeAdapter<T> create(Gson gson, TypeToken<T> token) {
    Class<? super T> type = token.getRawType();
    TypeAdapter<?> adapter = null;
    if (type == String.class) {
      adapter = new Scalar<>("a text", JsonToken.STRING, StrictTypes::text, null);
    } else if (type == Long.class || type == long.class) {
      adapter =
          new Scalar<>(
              "a number", JsonToken.NUMBER, StrictTypes::wholeLong, type == Long.class ? null : 0L);
    } else if (type == Integer.class || type == int.class) {
      adapter =
          new Scalar<>(
              "a number",
              JsonToken.NUMBER,
              StrictTypes::wholeInt,
              type == Integer.class ? null : 0);
    } else if (type == Boolean.class || type == boolean.class) {
      adapter = new Bool(type == Boolean.class ? null : Boolean.FALSE);
    } else if (Collection.class.isAssignableFrom(type)) {
      return new Structure<>(gson.getDelegateAdapter(this, token), JsonToken.BEGIN_ARRAY, "a list");
    } else if (Map.class.isAssignableFrom(type) || type.isRecord()) {
      return new Structure<>(
          gson.getDelegateAdapter(this, token), JsonToken.BEGIN_OBJECT, "an object");
    }
    return (TypeAdapter<T>) adapter;
  }

  private static String text(String text) {
    if (text.indexOf('\0') >= 0) {
      throw new IllegalArgumentException("must not contain NUL");
    }
    return text;
  }

  private static long wholeLong(String text) {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("expected a whole number of 64 bits", e);
    }
  }

  private static int wholeInt(String text) {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("expected a whole number of 32 bits", e);
    }
  }

  /** What is wrong, and where: Gson's reader has moved on by the time the error is reported. */
  static final class BadValue extends JsonParseException {
    private static final long serialVersionUID = 1L;

    private final String path;

    private BadValue(String path, String what) {
      super(what);
      this.path = path;
    }

    String path() {
      return path;
    }
  }

  static void expect(JsonReader in, JsonToken token, String expected) throws IOException {
    if (in.peek() != token) {
      throw new BadValue(in.getPath(), "expected " + expected);
    }
  }

  static BadValue badValueBefore(JsonReader in, String what) {
    return new BadValue(in.getPreviousPath(), what);
  }

  /** A text or a number; null reads as {@code absent}. */
  private static final class Scalar<T> extends TypeAdapter<@Nullable T> {
    private final String expected;
    private final JsonToken token;
    private final Function<String, T> parse;
    private final @Nullable T absent;

    Scalar(String expected, JsonToken token, Function<String, T> parse, @Nullable T absent) {
      this.expected = expected;
      this.token = token;
      this.parse = parse;
      this.absent = absent;
    }

    @Override
    public void write(JsonWriter out, @Nullable T value) throws IOException {
      if (value instanceof Number number) {
        out.value(number);
      } else {
        out.value((String) value);
      }
    }

    @Override
    public @Nullable T read(JsonReader in) throws IOException {
      if (in.peek() == JsonToken.NULL) {
        in.nextNull();
        return absent;
      }
      expect(in, token, expected);
      String text = in.nextString();
      try {
        return parse.apply(text);
      } catch (IllegalArgumentException e) {
        throw badValueBefore(in, Objects.requireNonNull(e.getMessage()));
      }
    }
  }

  private static final class Bool extends TypeAdapter<@Nullable Boolean> {
    private final @Nullable Boolean absent;

    Bool(@Nullable Boolean absent) {
      this.absent = absent;
    }

    @Override
    public void write(JsonWriter out, @Nullable Boolean value) throws IOException {
      out.value(value);
    }

    @Override
    public @Nullable Boolean read(JsonReader in) throws IOException {
      if (in.peek() == JsonToken.NULL) {
        in.nextNull();
        return absent;
      }
      expect(in, JsonToken.BOOLEAN, "true or false");
      return in.nextBoolean();
    }
  }

  /** A list, map or record: of the right kind, without nulls inside, left out when empty. */
  private static final class Structure<T> extends TypeAdapter<@Nullable T> {
    private final TypeAdapter<T> delegate;
    private final JsonToken token;
    private final String expected;

    Structure(TypeAdapter<T> delegate, JsonToken token, String expected) {
      this.delegate = delegate;
      this.token = token;
      this.expected = expected;
    }

    @Override
    public void write(JsonWriter out, @Nullable T value) throws IOException {
      boolean empty =
          switch (value) {
            case Collection<?> list -> list.isEmpty();
            case Map<?, ?> map -> map.isEmpty();
            case null, default -> value == null;
          };
      if (empty) {
        out.nullValue();
      } else {
        delegate.write(out, value);
      }
    }

    @Override
    public @Nullable T read(JsonReader in) throws IOException {
      if (in.peek() == JsonToken.NULL) {
        in.nextNull();
        return null;
      }
      expect(in, token, expected);
      T value = delegate.read(in);
      boolean holdsNull =
          switch (value) {
            case Collection<?> list -> list.stream().anyMatch(Objects::isNull);
            case Map<?, ?> map -> map.values().stream().anyMatch(Objects::isNull);
            case null, default -> false;
          };
      if (holdsNull) {
        throw badValueBefore(in, "must not contain null");
      }
      return value;
    }
  }
}
