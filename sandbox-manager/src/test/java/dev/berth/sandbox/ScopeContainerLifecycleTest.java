package dev.berth.sandbox;

import dev.berth.testing.RequiresSystemd;

/** The same with scopes of the host's own systemd. */
@RequiresSystemd
final class ScopeContainerLifecycleTest extends ContainerLifecycleContract {
  ScopeContainerLifecycleTest() {
    super("berth", CgroupDriver.SYSTEMD);
  }
}
