package dev.berth.base;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Undoes the steps of a verb in reverse order unless the verb committed.
 *
 * <pre>{@code
 * try (var rollback = new Rollback()) {
 *   names.reserve(name, id);
 *   rollback.onFailure("release name " + name, () -> names.release(name));
 *   ...
 *   rollback.commit();
 * }
 * }</pre>
 *
 * <p>An undo that fails is reported and the others still run, so an undo must be safe to repeat.
 * Not thread-safe: it belongs to the method that opened it.
 */
public final class Rollback implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Rollback.class.getName());

  /** An undo step; it may throw whatever the doing may throw. */
  @FunctionalInterface
  public interface Undo {
    void run() throws Exception;
  }

  private record Step(String what, Undo undo) {}

  private final Deque<Step> steps = new ArrayDeque<>();
  private boolean committed;

  /**
   * Registers an undo. Register it <em>before</em> a step that can fail half way, and after one
   * that either happens or does not.
   */
  public void onFailure(String what, Undo undo) {
    steps.push(new Step(what, undo));
  }

  /** Keeps what was done: {@link #close()} undoes nothing any more. */
  public void commit() {
    committed = true;
  }

  /** Runs the undo steps in reverse order, unless {@link #commit()} was called. Idempotent. */
  @Override
  public void close() {
    if (committed) {
      steps.clear();
    }
    while (!steps.isEmpty()) {
      Step step = steps.pop();
      try {
        step.undo().run();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        LOG.log(System.Logger.Level.WARNING, "undo interrupted: " + step.what(), e);
      } catch (Exception e) { // whatever it is, the remaining steps must run
        LOG.log(System.Logger.Level.WARNING, "undo failed: " + step.what(), e);
      }
    }
  }
}
