package dev.berth.shim.client;

import static dev.berth.base.BerthException.Kind.CANCELLED;
import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;
import static dev.berth.base.BerthException.Kind.INTERNAL;

import com.google.protobuf.ByteString;
import dev.berth.base.BerthException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Runs a shim's binary for one of its commands, {@code start} or {@code delete}. */
final class ShimCommand {
  private static final int MAX_OUTPUT_BYTES = 1 << 20;

  /** A shim that lives on may hold the pipes open after the command has ended. */
  private static final Duration DRAIN = Duration.ofSeconds(1);

  /** What a command left behind. */
  record Output(int exitCode, ByteString stdout, String stderr) {}

  private final ShimSettings settings;
  private final Path binary;
  private final String id;
  private final Path bundle;

  ShimCommand(ShimSettings settings, Path binary, String id, Path bundle) {
    this.settings = settings;
    this.binary = binary;
    this.id = id;
    this.bundle = bundle;
  }

  /**
   * Runs the command to its end.
   *
   * @throws BerthException when it cannot be run, fails, or takes too long; it is killed then
   */
  ByteString run(String verb, ByteString input, Duration timeout) {
    String what = "shim " + binary + " " + verb + " of " + id;
    Process process = spawn(verb, what);
    try {
      Output output = communicate(process, input, timeout, what);
      if (output.exitCode() != 0) {
        throw new BerthException(
            INTERNAL, what + " failed with code " + output.exitCode() + ": " + describe(output));
      }
      return output.stdout();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(CANCELLED, what + ": interrupted", e);
    } finally {
      process.destroyForcibly(); // nothing is left of it unless it took too long
    }
  }

  private static String describe(Output output) {
    String said = output.stderr().isBlank() ? output.stdout().toStringUtf8() : output.stderr();
    return said.strip();
  }

  private Process spawn(String verb, String what) {
    var builder = new ProcessBuilder(arguments(verb)).directory(bundle.toFile());
    var environment = builder.environment();
    environment.put("TTRPC_ADDRESS", settings.eventsSocket().toString());
    environment.put("GRPC_ADDRESS", settings.address());
    environment.put("NAMESPACE", settings.namespace());
    // Where Berth's own shim keeps its state: with the rest of this runtime's.
    environment.put(
        "BERTH_RUN_DIR", settings.eventsSocket().resolveSibling(".").normalize().toString());
    environment.put("MAX_SHIM_VERSION", "3");
    environment.put("GOMAXPROCS", "2");
    environment.putAll(settings.environment());
    try {
      return builder.start();
    } catch (IOException e) {
      throw new BerthException(INTERNAL, what + ": " + e.getMessage(), e);
    }
  }

  private List<String> arguments(String verb) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                binary.toString(),
                "-namespace",
                settings.namespace(),
                "-address",
                settings.address(),
                "-publish-binary",
                settings.publishBinary().toString(),
                "-id",
                id,
                "-bundle",
                bundle.toString()));
    if (settings.debug()) {
      arguments.add("-debug");
    }
    arguments.add(verb);
    return arguments;
  }

  private static Output communicate(
      Process process, ByteString input, Duration timeout, String what)
      throws InterruptedException {
    CompletableFuture<ByteString> stdout = collect(process.getInputStream(), what);
    CompletableFuture<ByteString> stderr = collect(process.getErrorStream(), what);
    Thread.ofVirtual().name("shim-command-in").start(() -> feed(process.getOutputStream(), input));
    if (!process.waitFor(timeout.toNanos(), TimeUnit.NANOSECONDS)) {
      throw new BerthException(DEADLINE_EXCEEDED, what + ": not done within " + timeout);
    }
    return new Output(
        process.exitValue(), drained(stdout, what), drained(stderr, what).toStringUtf8());
  }

  private static CompletableFuture<ByteString> collect(InputStream in, String what) {
    CompletableFuture<ByteString> result = new CompletableFuture<>();
    Thread.ofVirtual()
        .name("shim-command-out")
        .start(() -> {
          try {
            result.complete(ByteString.copyFrom(in.readNBytes(MAX_OUTPUT_BYTES)));
          } catch (IOException e) {
            result.completeExceptionally(
                new BerthException(INTERNAL, what + ": output cannot be read", e));
          }
        });
    return result;
  }

  private static ByteString drained(CompletableFuture<ByteString> output, String what)
      throws InterruptedException {
    try {
      return output.get(DRAIN.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new BerthException(
          DEADLINE_EXCEEDED, what + ": its output stays open after its end", e);
    } catch (ExecutionException e) {
      throw new BerthException(INTERNAL, what + ": " + e.getCause(), e);
    }
  }

  private static void feed(OutputStream out, ByteString input) {
    try (out) {
      input.writeTo(out);
    } catch (IOException e) {
      // a command that reads nothing may end before it was told anything
    }
  }
}
