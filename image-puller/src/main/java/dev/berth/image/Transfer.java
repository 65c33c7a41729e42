package dev.berth.image;

import dev.berth.image.oci.BlobSource;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.Digest;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** A save, load or push under way, and how much of each layer has been read for it. Thread-safe. */
final class Transfer {
  private final String name;
  private final String stage;
  private volatile List<Descriptor> layers = List.of();
  private final Map<Digest, AtomicLong> read = new ConcurrentHashMap<>();

  Transfer(String name, String stage) {
    this.name = name;
    this.stage = stage;
  }

  /** Says which layers there are, once that is known. */
  void expect(List<Descriptor> all) {
    layers = List.copyOf(all);
  }

  /** Bytes of layers that were read. */
  long readBytes() {
    return read.values().stream().mapToLong(AtomicLong::get).sum();
  }

  PullProgress progress() {
    return new PullProgress(name, stage, layers.stream().map(this::progress).toList());
  }

  private PullProgress.LayerProgress progress(Descriptor layer) {
    AtomicLong count = read.get(layer.digest());
    long bytes = count == null ? 0 : Math.min(count.get(), layer.sizeBytes());
    return new PullProgress.LayerProgress(
        layer.digest().toString(), bytes, layer.sizeBytes(), bytes == layer.sizeBytes());
  }

  /** Returns the same source, counted. */
  BlobSource counted(BlobSource source) {
    return (blob, offset, operation) -> {
      InputStream in = source.openBlob(blob, offset, operation);
      AtomicLong count = read.computeIfAbsent(blob.digest(), _ -> new AtomicLong());
      count.set(offset);
      return new FilterInputStream(in) {
        @Override
        public int read() throws IOException {
          int value = in.read();
          count.addAndGet(value < 0 ? 0 : 1);
          return value;
        }

        @Override
        public int read(byte[] bytes, int from, int length) throws IOException {
          int some = in.read(bytes, from, length);
          count.addAndGet(Math.max(0, some));
          return some;
        }
      };
    };
  }
}
