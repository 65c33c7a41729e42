package dev.berth.sandbox.net;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.EventLoop;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.NfBatch;
import dev.berth.runtime.kernel.NfTables;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Keeps the table of the packet filter as it has to be: changes it when pods with host ports come
 * and go, and puts it back when someone else has changed or flushed it.
 *
 * <p>One lock for all pods, held while the kernel changes the table, for which the kernel has one
 * lock as well: what we know of and what is there must not come apart. Thread-safe.
 */
final class PacketFilter implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(PacketFilter.class.getName());

  private final PacketRules rules;
  private final String table;
  private final NfTables kernel;
  private final EventLoop.Registration reports;

  @GuardedBy("this") private final Map<String, List<Redirect>> redirects = new LinkedHashMap<>();

  /**
   * Puts the table there, with what pods have.
   *
   * @param kernel becomes this object's
   * @param known redirects by sandbox
   */
  PacketFilter(
      BridgeSettings settings, NfTables kernel, Map<String, List<Redirect>> known, EventLoop loop) {
    this.rules = new PacketRules(settings);
    this.table = settings.table();
    this.kernel = kernel;
    redirects.putAll(known);
    replace();
    Fd readable = kernel.reports();
    reports =
        loop.watch(readable, EventLoop.Interest.READABLE, EventLoop.Run.VIRTUAL, this::reported);
  }

  /**
   * Redirects host ports to a pod.
   *
   * @throws BerthException FAILED_PRECONDITION naming the port if another pod has it
   */
  synchronized void add(String sandboxId, List<Redirect> wanted) {
    if (wanted.isEmpty()) {
      return;
    }
    wanted.forEach(redirect -> requireFree(sandboxId, redirect));
    redirects.put(sandboxId, List.copyOf(wanted));
    commit(batch -> wanted.forEach(redirect -> redirect.addTo(batch)));
  }

  @GuardedBy("this") private void requireFree(String sandboxId, Redirect wanted) {
    redirects.forEach((other, theirs) -> {
      if (!other.equals(sandboxId) && theirs.stream().anyMatch(wanted::conflictsWith)) {
        throw new BerthException(
            FAILED_PRECONDITION,
            "port_mappings: host " + wanted.port() + " is used by sandbox " + other);
      }
    });
  }

  /** Ends the redirects to a pod, and returns them; none if it has none. */
  synchronized List<Redirect> remove(String sandboxId) {
    List<Redirect> theirs = redirects.getOrDefault(sandboxId, List.of());
    if (!theirs.isEmpty()) {
      redirects.remove(sandboxId);
      commit(batch -> theirs.forEach(redirect -> redirect.removeFrom(batch)));
    }
    return theirs;
  }

  /** If the table is not as we know it, a change of it fails, and it is put there as a whole. */
  @GuardedBy("this") private void commit(Consumer<NfBatch> change) {
    NfBatch batch = rules.batch();
    change.accept(batch);
    try {
      kernel.commit(batch);
    } catch (NativeException e) {
      if (!e.is(Errno.ENOENT) && !e.is(Errno.EEXIST)) {
        throw e;
      }
      replace();
    }
  }

  private synchronized void replace() {
    kernel.commit(rules.replacement(redirects.values().stream().flatMap(List::stream).toList()));
  }

  private synchronized void reported() {
    Optional<List<String>> changed = kernel.changedTables();
    if (changed.map(names -> names.contains(table)).orElse(true)) {
      LOG.log(System.Logger.Level.WARNING, "nftables table " + table + " was changed: restored");
      replace();
    }
  }

  /** Removes the table. */
  synchronized void delete() {
    kernel.commit(rules.batch().deleteTable());
  }

  /** Stops watching; the table stays. */
  @Override
  public void close() {
    reports.close();
    kernel.close();
  }
}
