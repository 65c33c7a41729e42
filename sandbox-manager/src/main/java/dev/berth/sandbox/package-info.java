/**
 * Pod and container state machines, recovery, CNI and OCI spec generation. Knows nothing of gRPC.
 *
 * <p>{@link dev.berth.sandbox.SandboxManager} is the entry; {@link dev.berth.sandbox.Sandboxes} and
 * {@link dev.berth.sandbox.Containers} hold the verbs.
 */
@NullMarked
package dev.berth.sandbox;

import org.jspecify.annotations.NullMarked;
