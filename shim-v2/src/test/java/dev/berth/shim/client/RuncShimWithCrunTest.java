package dev.berth.shim.client;

import com.google.protobuf.Any;

/**
 * Containerd's own shim with {@code crun} in the place of runc.
 *
 * <p>Debian's crun refuses a host where both versions of cgroups have controllers, so it gets a
 * view of the host without the second.
 */
class RuncShimWithCrunTest extends RuncShimTest {
  @Override
  Any options() {
    return runtime(
        "unshare --mount sh -c '[ ! -d /sys/fs/cgroup/unified ] ||"
            + " mount -t tmpfs none /sys/fs/cgroup/unified; exec crun \"$@\"' crun");
  }
}
