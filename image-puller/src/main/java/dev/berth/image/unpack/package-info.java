/**
 * Turns the tar archive of a layer into a directory that overlayfs can stack.
 *
 * <p>{@link dev.berth.image.unpack.LayerUnpacker} reads entries from {@link
 * dev.berth.image.unpack.TarReader} and writes them through {@link
 * dev.berth.runtime.kernel.Inodes}, by descriptor only (rule R15). The archive is hostile until its
 * digest proves the opposite, and even then: names that leave the layer, symbolic links that lead
 * out of it, sizes that never end and devices that pose as whiteouts are refused by name.
 *
 * <p>File names are bytes to the kernel and to tar. Here they are strings of ISO 8859-1, one
 * character per byte, so that every name passes unchanged; {@link dev.berth.image.unpack.ByteNames}
 * makes them readable for messages.
 */
@NullMarked
package dev.berth.image.unpack;

import org.jspecify.annotations.NullMarked;
