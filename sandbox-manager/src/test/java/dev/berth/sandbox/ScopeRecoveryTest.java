package dev.berth.sandbox;

import dev.berth.testing.RequiresSystemd;

/** The same with scopes of the host's own systemd. */
@RequiresSystemd
final class ScopeRecoveryTest extends RecoveryContract {
  ScopeRecoveryTest() {
    super("berth", CgroupDriver.SYSTEMD);
  }
}
