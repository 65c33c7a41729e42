/**
 * Turns what CRI says of a container into the OCI runtime spec of its bundle.
 *
 * <p>In two halves. The first asks the host: {@link dev.berth.sandbox.spec.Users}, {@link
 * dev.berth.sandbox.spec.HostMounts} and {@link dev.berth.sandbox.spec.HostDevices} resolve names,
 * paths and devices, and everything they find goes into a {@link dev.berth.sandbox.spec.SpecInput}.
 * The second, {@link dev.berth.sandbox.spec.SpecGenerator}, is a pure function of that: an ordered
 * list of adjusters, each of which writes its own part of the spec.
 */
@NullMarked
package dev.berth.sandbox.spec;

import org.jspecify.annotations.NullMarked;
