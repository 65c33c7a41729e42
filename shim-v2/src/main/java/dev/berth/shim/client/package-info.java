/**
 * The client side of containerd's shim v2 protocol: starts any shim binary, connects to it, adopts
 * it again after a restart of the caller, and speaks the task API with it.
 *
 * <p>{@link dev.berth.shim.client.Shims} is where to begin. What must survive the caller is in
 * {@link dev.berth.shim.client.ShimRecord}, which the caller stores. Exits are learned in two ways:
 * {@link dev.berth.shim.client.TaskClient#exit} as long as the connection lives, and {@link
 * dev.berth.shim.client.ShimEvents}, which the shim repeats until they are taken.
 */
@NullMarked
package dev.berth.shim.client;

import org.jspecify.annotations.NullMarked;
