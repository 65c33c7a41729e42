/**
 * Control groups: where a container's processes are counted, limited, frozen and ended.
 *
 * <p>{@link dev.berth.runtime.cgroup.Cgroups} knows how the host has mounted them, once per
 * process; {@link dev.berth.runtime.cgroup.Cgroup} is one group, whether that is a directory of the
 * unified hierarchy (v2) or one in each of several hierarchies (v1). What to write for a limit is
 * decided without touching the kernel, as a list of {@link dev.berth.runtime.cgroup.Setting}s, so
 * that order and conversion are tested as plain data.
 *
 * <p>Groups are made with the file system (the {@code cgroupfs} driver of the kubelet), or by
 * systemd as scopes (the {@code systemd} driver) and then used in the same way. No object here
 * holds descriptors of a group: a node has hundreds of them.
 */
@NullMarked
package dev.berth.runtime.cgroup;

import org.jspecify.annotations.NullMarked;
