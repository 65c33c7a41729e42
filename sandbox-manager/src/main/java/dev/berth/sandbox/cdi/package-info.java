/**
 * Devices of the Container Device Interface: vendors describe in spec files what a container needs
 * to use a device, and requests name devices as {@code vendor.com/class=name}.
 *
 * <p>The rules are those of the CDI specification, version 1.1
 * (github.com/cncf-tags/container-device-interface).
 */
@NullMarked
package dev.berth.sandbox.cdi;

import org.jspecify.annotations.NullMarked;
