package dev.berth.shim.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A FIFO, and a thread that reads it until all its writers are gone. */
public final class FifoReader {
  private final Path path;
  private final CompletableFuture<String> content = new CompletableFuture<>();

  public FifoReader(Path path) throws Exception {
    this.path = path;
    assertThat(new ProcessBuilder("mkfifo", path.toString()).start().waitFor()).isZero();
    Thread.ofPlatform().daemon().name("fifo-reader").start(this::read); // its open(2) pins
  }

  private void read() {
    try {
      content.complete(Files.readString(path));
    } catch (IOException e) {
      content.completeExceptionally(e);
    }
  }

  /** Returns where the FIFO is. */
  public Path path() {
    return path;
  }

  /** Returns what was written, once its writers are gone. */
  public String content() throws Exception {
    return content.get(10, TimeUnit.SECONDS);
  }
}
