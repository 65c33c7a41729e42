package dev.berth.sandbox.net;

import dev.berth.base.AuditSheet;
import dev.berth.base.Auditor;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.NfTables;
import java.util.function.BooleanSupplier;

/**
 * Audits the table of the packet filter.
 *
 * @param isMade tells whether pods have been attached, after which the table stays
 */
record TableAuditor(HostNetwork host, BridgeSettings settings, BooleanSupplier isMade)
    implements Auditor {
  @Override
  public String kind() {
    return "nftables table";
  }

  @Override
  public void look(AuditSheet sheet) {
    if (isThere()) {
      sheet.found(settings.table(), "", "no pod is attached");
    }
    if (isMade.getAsBoolean()) {
      sheet.required(settings.table(), "", "the pod network needs it");
    }
  }

  private boolean isThere() {
    try (NfTables filter = host.call(NfTables::open)) {
      return filter.exists(settings.table());
    } catch (NativeException e) {
      if (e.is(Errno.EPROTONOSUPPORT)) {
        return false; // a kernel without packet filter
      }
      throw e;
    }
  }
}
