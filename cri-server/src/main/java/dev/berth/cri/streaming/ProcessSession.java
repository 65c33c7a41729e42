package dev.berth.cri.streaming;

import dev.berth.base.BerthException;
import dev.berth.sandbox.StreamedProcess;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One client of one process, from the start to the end of either.
 *
 * <p>When the process ends, the client gets all of its output, then how it ended. When the client
 * is gone, the process is let go, which kills a command. Thread-safe.
 */
final class ProcessSession {
  private static final System.Logger LOG = System.getLogger(ProcessSession.class.getName());
  private static final int BUFFER_BYTES = 32 << 10;

  private final ProcessClient client;
  private final InputQueue stdin;
  private final CompletableFuture<Integer> clientGone = new CompletableFuture<>();
  private final TerminalSizes sizes = new TerminalSizes();
  private volatile @Nullable StreamedProcess process;

  ProcessSession(ProcessClient client, InputQueue.Valve valve) {
    this.client = client;
    this.stdin = new InputQueue(valve);
  }

  /** What the client types; may come before the process is there. */
  InputQueue stdin() {
    return stdin;
  }

  /** Takes what came on the stream of terminal sizes, before or after the process is there. */
  void resize(byte[] json) {
    sizes.add(json);
    Thread.ofVirtual().name("stream-resize").start(this::applySize);
  }

  /** One at a time, so that the last size is the last to be set. */
  private void applySize() {
    synchronized (sizes) {
      StreamedProcess running = process;
      if (running != null) {
        sizes.take().ifPresent(size -> running.resize(size.height(), size.width()));
      }
    }
  }

  /** Ends the session because its connection has. Idempotent. */
  void clientIsGone() {
    stdin.discard();
    clientGone.complete(0);
  }

  /** Begins, on a thread of its own. */
  void start(Supplier<StreamedProcess> starter) {
    Thread.ofVirtual().name("stream-session").start(() -> run(starter));
  }

  private void run(Supplier<StreamedProcess> starter) {
    Outcome outcome;
    try {
      outcome = converse(starter);
    } catch (BerthException e) {
      outcome = new Outcome.Failed(String.valueOf(e.getMessage()));
    } catch (RuntimeException e) { // outermost of its thread
      LOG.log(System.Logger.Level.ERROR, "a streaming session failed unexpectedly", e);
      outcome = new Outcome.Failed(e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      outcome = new Outcome.Failed("interrupted");
    }
    stdin.discard();
    client.finish(outcome);
  }

  private Outcome converse(Supplier<StreamedProcess> starter) throws InterruptedException {
    try (StreamedProcess started = starter.get()) {
      process = started;
      applySize();
      Future<?> output = pump(false, started.stdout());
      Future<?> errors = pump(true, started.stderr());
      feed(started.stdin());
      int code = awaitEnd(started);
      if (!clientGone.isDone()) {
        join(output);
        join(errors);
      }
      return new Outcome.Exited(code);
    } finally {
      process = null;
    }
  }

  private int awaitEnd(StreamedProcess started) throws InterruptedException {
    try {
      CompletableFuture<Integer> exit = started.exit();
      Object _ = CompletableFuture.anyOf(exit, clientGone).get();
      return exit.isDone() ? exit.join() : 0;
    } catch (ExecutionException | CompletionException e) {
      if (e.getCause() instanceof BerthException failure) {
        throw failure;
      }
      throw new IllegalStateException("the end of a process is not known", e);
    }
  }

  private Future<?> pump(boolean error, Optional<InputStream> output) {
    return output.isEmpty()
        ? CompletableFuture.completedFuture(null)
        : StreamThreads.POOL.submit(() -> pump(error, output.get()));
  }

  /** A client that is gone, or a process that was let go, ends it early. */
  private void pump(boolean error, InputStream output) {
    byte[] buffer = new byte[BUFFER_BYTES];
    try {
      for (int count = output.read(buffer); count >= 0; count = output.read(buffer)) {
        client.output(error, buffer, count);
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "output ends early: " + e);
      clientIsGone();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void feed(Optional<OutputStream> input) {
    if (input.isEmpty()) {
      stdin.discard();
      return;
    }
    var _ = StreamThreads.POOL.submit(() -> feed(input.get()));
  }

  private void feed(OutputStream input) {
    try (input) {
      for (byte[] chunk = stdin.take(); chunk != null; chunk = stdin.take()) {
        input.write(chunk);
      }
    } catch (IOException e) { // it has closed its end, which is no concern of the others
      LOG.log(System.Logger.Level.DEBUG, "input ends early: " + e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    stdin.discard();
  }

  private static void join(Future<?> pump) throws InterruptedException {
    try {
      Object _ = pump.get();
    } catch (ExecutionException e) {
      throw new IllegalStateException("a stream's thread failed", e);
    }
  }
}
