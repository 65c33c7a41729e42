/**
 * The files of a container's checkpoint, in the layout that checkpointctl reads.
 *
 * <p>Everything here only reads from a container, whose processes are stopped meanwhile, by
 * descriptors and without following links (rule R3), and only writes into directories of the host.
 * Nothing is ever read back from an archive (rule R12).
 */
@NullMarked
package dev.berth.sandbox.checkpoint;

import org.jspecify.annotations.NullMarked;
