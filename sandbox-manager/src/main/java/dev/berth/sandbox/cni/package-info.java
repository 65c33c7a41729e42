/**
 * The runtime's side of the Container Network Interface, version 1.1: finds the network
 * configuration, calls its plugins and reads their results.
 *
 * <p>See https://www.cni.dev/docs/spec/. A plugin is a program of the host that is trusted but not
 * relied upon: it runs under a deadline, and its name is checked before it becomes a path (rule
 * R11). What is needed to undo an attachment is kept by the caller, in the sandbox's record.
 */
@NullMarked
package dev.berth.sandbox.cni;

import org.jspecify.annotations.NullMarked;
