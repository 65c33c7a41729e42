/**
 * The containerd shim v2 of Berth: ttrpc, the task service of one process for all pods, and the
 * client that launches and adopts any shim v2.
 */
@NullMarked
package dev.berth.shim;

import org.jspecify.annotations.NullMarked;
