package dev.berth.sandbox.net;

import static dev.berth.runtime.kernel.NfRule.Family.IPV4;
import static dev.berth.runtime.kernel.NfRule.Family.IPV6;

import dev.berth.runtime.kernel.NfBatch;
import dev.berth.runtime.kernel.NfBatch.BaseChain;
import dev.berth.runtime.kernel.NfBatch.Hook;
import dev.berth.runtime.kernel.NfRule;
import java.net.InetAddress;
import java.util.Collection;

/**
 * The table of the packet filter for pods, as a whole.
 *
 * <p>Rule R24 of SECURITY.md: the table is ours alone; only what is addressed to the host itself is
 * redirected; each rule names its family.
 */
final class PacketRules {
  private static final String GUARD = "guard";
  private static final String INCOMING = "incoming";
  private static final String LOCAL = "local";
  private static final String REDIRECT = "redirect";
  private static final String OUTGOING = "outgoing";

  // linux/netfilter_ipv4.h: NF_IP_PRI_RAW, _NAT_DST, _NAT_SRC
  private static final int PRIORITY_RAW = -300;
  private static final int PRIORITY_DESTINATION = -100;
  private static final int PRIORITY_SOURCE = 100;

  private static final byte[] LOOPBACK4 = {127, 0, 0, 0};
  private static final byte[] MULTICAST4 = {(byte) 224, 0, 0, 0};
  private static final byte[] MULTICAST6 = InetAddress.ofLiteral("ff00::").getAddress();

  private final BridgeSettings settings;

  PacketRules(BridgeSettings settings) {
    this.settings = settings;
  }

  /** Returns the batch that puts the table in the place of whatever is there. */
  NfBatch replacement(Collection<Redirect> redirects) {
    NfBatch batch = batch().replaceTable();
    batch
        .map(Redirect.PORTS4)
        .map(Redirect.PORTS6)
        .map(Redirect.ADDRESSED4)
        .map(Redirect.ADDRESSED6)
        .chain(REDIRECT)
        .chain(new BaseChain(GUARD, "filter", Hook.PREROUTING, PRIORITY_RAW))
        .chain(new BaseChain(INCOMING, "nat", Hook.PREROUTING, PRIORITY_DESTINATION))
        .chain(new BaseChain(LOCAL, "nat", Hook.OUTPUT, PRIORITY_DESTINATION))
        .chain(new BaseChain(OUTGOING, "nat", Hook.POSTROUTING, PRIORITY_SOURCE));
    guard(batch);
    redirects(batch);
    outgoing(batch);
    redirects.forEach(redirect -> redirect.addTo(batch));
    return batch;
  }

  NfBatch batch() {
    return new NfBatch(settings.table());
  }

  /**
   * The host may send from 127.0.0.1 to pods, so the kernel takes such addresses from the bridge as
   * well: no pod may use them to reach what the host offers to itself alone (CVE-2020-8558). IPv6
   * has no such exception: ::1 leads to no pod, and from none.
   */
  private void guard(NfBatch batch) {
    batch
        .rule(GUARD, fromPods().family(IPV4).to(IPV4, LOOPBACK4, 8).drop())
        .rule(GUARD, fromPods().family(IPV4).from(IPV4, LOOPBACK4, 8).drop());
  }

  private NfRule fromPods() {
    return new NfRule().cameInBy(settings.bridge());
  }

  /** A port of one address comes before the same port of all. */
  private static void redirects(NfBatch batch) {
    batch
        .rule(INCOMING, new NfRule().toThisHost().jump(REDIRECT))
        .rule(LOCAL, new NfRule().toThisHost().jump(REDIRECT))
        .rule(REDIRECT, new NfRule().family(IPV4).redirect(IPV4, Redirect.ADDRESSED4.name(), true))
        .rule(REDIRECT, new NfRule().family(IPV4).redirect(IPV4, Redirect.PORTS4.name(), false))
        .rule(REDIRECT, new NfRule().family(IPV6).redirect(IPV6, Redirect.ADDRESSED6.name(), true))
        .rule(REDIRECT, new NfRule().family(IPV6).redirect(IPV6, Redirect.PORTS6.name(), false));
  }

  /**
   * Who was redirected to a pod must see its answers come by the host again. Those from elsewhere
   * do; a pod would be answered over the bridge directly, and 127.0.0.1 would not be answered.
   */
  private void outgoing(NfBatch batch) {
    batch.rule(OUTGOING, redirectedToPods().family(IPV4).from(IPV4, LOOPBACK4, 8).masquerade());
    for (Subnet subnet : settings.subnets()) {
      byte[] network = subnet.network().getAddress();
      NfRule.Family family = subnet.family();
      batch.rule(
          OUTGOING,
          redirectedToPods()
              .family(family)
              .from(family, network, subnet.prefixLength())
              .masquerade());
      if (settings.forward()) {
        batch.rule(OUTGOING, wayOut(subnet));
      }
    }
  }

  private NfRule redirectedToPods() {
    return new NfRule().leavesBy(settings.bridge()).wasRedirected();
  }

  private NfRule wayOut(Subnet subnet) {
    NfRule.Family family = subnet.family();
    NfRule rule =
        new NfRule()
            .leavesByAnotherThan(settings.bridge())
            .family(family)
            .from(family, subnet.network().getAddress(), subnet.prefixLength());
    return (subnet.isIpv4()
            ? rule.toOutside(family, MULTICAST4, 4)
            : rule.toOutside(family, MULTICAST6, 8))
        .masquerade();
  }
}
