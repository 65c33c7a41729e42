package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INTERNAL;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.berth.base.BerthException;
import java.time.format.DateTimeParseException;
import java.util.Base64;

/** Writes and reads the records of this module: JSON, with CRI messages as they came in base64. */
final class StoredJson {
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  private StoredJson() {}

  /** Turns the form on disk into a record. */
  @FunctionalInterface
  interface Reader<S, R> {
    R read(S stored) throws InvalidProtocolBufferException;
  }

  static byte[] write(Object stored) {
    return GSON.toJson(stored).getBytes(UTF_8);
  }

  static <S, R> R read(byte[] bytes, Class<S> form, Reader<S, R> reader) {
    try {
      return reader.read(GSON.fromJson(new String(bytes, UTF_8), form));
    } catch (JsonParseException
        | InvalidProtocolBufferException
        | DateTimeParseException
        | IllegalArgumentException
        | NullPointerException e) { // a field that is not there
      throw new BerthException(
          INTERNAL, "not a " + form.getEnclosingClass().getSimpleName() + ": " + e, e);
    }
  }

  static void requireSchema(int schema, int known) {
    if (schema != known) {
      throw new IllegalArgumentException("schema " + schema + " is not known");
    }
  }

  static String encode(MessageLite message) {
    return Base64.getEncoder().encodeToString(message.toByteArray());
  }

  static <M> M decode(String text, Parser<M> parser) throws InvalidProtocolBufferException {
    return parser.parseFrom(Base64.getDecoder().decode(text));
  }
}
