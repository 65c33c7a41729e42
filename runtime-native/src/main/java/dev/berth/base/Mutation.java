package dev.berth.base;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/** One change of a {@link MetadataStore}; the payload of a frame is a list of them. */
sealed interface Mutation {
  String bucket();

  String key();

  @SuppressWarnings("ArrayRecordComponent") // never compared, and private to this package
  record Put(String bucket, String key, byte[] value) implements Mutation {}

  record Remove(String bucket, String key) implements Mutation {}

  byte PUT = 1;
  byte REMOVE = 2;

  static byte[] encode(List<Mutation> mutations) {
    var bytes = new ByteArrayOutputStream();
    try (var out = new DataOutputStream(bytes)) {
      out.writeInt(mutations.size());
      for (Mutation mutation : mutations) {
        write(mutation, out);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("a record does not encode", e);
    }
    return bytes.toByteArray();
  }

  private static void write(Mutation mutation, DataOutputStream out) throws IOException {
    out.writeByte(mutation instanceof Put ? PUT : REMOVE);
    out.writeUTF(mutation.bucket());
    out.writeUTF(mutation.key());
    if (mutation instanceof Put put) {
      out.writeInt(put.value().length);
      out.write(put.value());
    }
  }

  /**
   * Reads what {@link #encode} wrote.
   *
   * @throws IOException if the bytes are something else
   */
  static List<Mutation> decode(byte[] payload) throws IOException {
    var in = new DataInputStream(new ByteArrayInputStream(payload));
    int count = in.readInt();
    List<Mutation> mutations = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      mutations.add(read(in));
    }
    return mutations;
  }

  private static Mutation read(DataInputStream in) throws IOException {
    byte kind = in.readByte();
    String bucket = in.readUTF();
    String key = in.readUTF();
    return switch (kind) {
      case PUT -> {
        int length = in.readInt();
        if (length < 0 || length > in.available()) {
          throw new IOException("a value of " + length + " bytes in a shorter record");
        }
        yield new Put(bucket, key, in.readNBytes(length));
      }
      case REMOVE -> new Remove(bucket, key);
      default -> throw new IOException("unknown kind of record: " + kind);
    };
  }
}
