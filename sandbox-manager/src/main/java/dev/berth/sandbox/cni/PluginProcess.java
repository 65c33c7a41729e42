package dev.berth.sandbox.cni;

import static dev.berth.base.BerthException.Kind.CANCELLED;
import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** Runs a plugin's program under a deadline and with bounds on what it prints (rule R10). */
final class PluginProcess {
  private static final int MAX_OUTPUT_BYTES = 1 << 20;
  private static final Executor READERS =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("cni-output-", 0).factory());

  private PluginProcess() {}

  /** How a program ended and what it printed. */
  record Outcome(int exitCode, String stdout, String stderr) {}

  /** The program was killed since it did not end in time. */
  static final class TimedOut extends Exception {
    private static final long serialVersionUID = 1L;

    private final transient Duration limit;

    TimedOut(Duration limit) {
      this.limit = limit;
    }

    Duration limit() {
      return limit;
    }
  }

  static Outcome run(Path program, Map<String, String> environment, String stdin, Duration limit)
      throws TimedOut {
    Process process = start(program, environment);
    try {
      var stdout = CompletableFuture.supplyAsync(() -> read(process.getInputStream()), READERS);
      var stderr = CompletableFuture.supplyAsync(() -> read(process.getErrorStream()), READERS);
      write(process.getOutputStream(), stdin);
      if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new TimedOut(limit);
      }
      return new Outcome(process.exitValue(), stdout.join(), stderr.join());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(CANCELLED, "interrupted while " + program + " ran", e);
    } catch (CompletionException e) {
      throw new BerthException(INTERNAL, "cannot read the output of " + program, e);
    } finally {
      kill(process);
    }
  }

  private static Process start(Path program, Map<String, String> environment) {
    ProcessBuilder builder = new ProcessBuilder(program.toString());
    builder.environment().clear();
    builder.environment().putAll(environment);
    try {
      return builder.start();
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot run " + program + ": " + e.getMessage(), e);
    }
  }

  /** The children too: a plugin that hangs usually waits for one of them. */
  private static void kill(Process process) {
    if (process.isAlive()) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
  }

  private static void write(OutputStream out, String text) {
    try (out) {
      out.write(text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      // The program ended without reading its input; its exit code and output tell more.
    }
  }

  private static String read(InputStream in) {
    try (in) {
      byte[] kept = in.readNBytes(MAX_OUTPUT_BYTES);
      in.skip(Long.MAX_VALUE);
      return new String(kept, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new CompletionException(e);
    }
  }
}
