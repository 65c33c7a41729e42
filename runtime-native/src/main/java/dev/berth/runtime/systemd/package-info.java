/**
 * The service manager of the host, asked over D-Bus for the groups of containers.
 *
 * <p>{@link dev.berth.runtime.systemd.Systemd} has the few methods that are needed. Below it is as
 * much of the D-Bus specification as they take, over the socket that systemd itself serves, without
 * a bus between: one connection per request, so that nothing is to be kept in step with a manager
 * that may execute itself anew at any time.
 */
@NullMarked
package dev.berth.runtime.systemd;

import org.jspecify.annotations.NullMarked;
