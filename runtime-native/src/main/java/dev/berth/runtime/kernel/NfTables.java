package dev.berth.runtime.kernel;

import dev.berth.runtime.kernel.NetlinkSocket.Reply;
import dev.berth.runtime.kernel.NetlinkSocket.Step;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Changes the packet filter of a network namespace, and hears of changes by others: nf_tables.
 *
 * <p>Belongs to the namespace of the thread that opened it, wherever it is used. Not thread-safe,
 * but for {@link #changedTables}, which may be called by another thread than the rest.
 */
public final class NfTables implements AutoCloseable {
  private static final int NFNLGRP_NFTABLES = 7; // linux/netfilter/nfnetlink.h

  private final NetlinkSocket requests;
  private final NetlinkSocket reports;
  private volatile int port;

  private NfTables(NetlinkSocket requests, NetlinkSocket reports) {
    this.requests = requests;
    this.reports = reports;
  }

  /**
   * Opens it in the network namespace of this thread.
   *
   * @throws NativeException EPROTONOSUPPORT if the kernel has no packet filter
   */
  public static NfTables open() {
    NetlinkSocket requests = NetlinkSocket.open(NetlinkSocket.Family.NETFILTER);
    try {
      NetlinkSocket reports = NetlinkSocket.open(NetlinkSocket.Family.NETFILTER);
      try {
        reports.subscribe(NFNLGRP_NFTABLES);
        return new NfTables(requests, reports);
      } catch (RuntimeException e) {
        reports.close();
        throw e;
      }
    } catch (RuntimeException e) {
      requests.close();
      throw e;
    }
  }

  /**
   * Makes all changes of a batch, or none of them.
   *
   * @throws NativeException of the change that was refused, naming it
   */
  public void commit(NfBatch batch) {
    List<Step> steps = new ArrayList<>();
    steps.add(new Step(NfMessages.begin(), "nftables"));
    steps.addAll(batch.steps());
    steps.add(new Step(NfMessages.end(), "nftables"));
    requests.commit(steps);
    port = requests.port();
  }

  /** Tells whether there is a table of this name, of the family that a batch is for. */
  public boolean exists(String table) {
    try {
      return !requests.request(NfMessages.getTable(table), "table " + table).isEmpty();
    } catch (NativeException e) {
      if (e.is(Errno.ENOENT)) {
        return false;
      }
      throw e;
    }
  }

  /** Returns the descriptor that is readable when there are {@linkplain #changedTables reports}. */
  public Fd reports() {
    return reports.fd();
  }

  /**
   * Returns the names of the tables in which others have changed something since the last call;
   * empty if reports were lost, so that any table may have been changed.
   */
  public Optional<List<String>> changedTables() {
    try {
      return Optional.of(
          reports.events().stream()
              .filter(report -> report.port() != port)
              .flatMap(report -> tableOf(report).stream())
              .distinct()
              .toList());
    } catch (NativeException e) {
      if (e.is(Errno.ENOBUFS)) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** In every message about a part of a table its name is the first attribute. */
  private static Optional<String> tableOf(Reply report) {
    if (!NfMessages.isAboutTable(report.type())) {
      return Optional.empty();
    }
    byte[] name =
        NetlinkAttributes.parse(report.body(), NfMessages.SIZE_OF_NFGENMSG)
            .get(NfMessages.NFTA_TABLE_NAME);
    return name == null
        ? Optional.empty()
        : Optional.of(new String(name, 0, name.length - 1, StandardCharsets.UTF_8));
  }

  /** Closes the sockets. Idempotent. */
  @Override
  public void close() {
    requests.close();
    reports.close();
  }
}
