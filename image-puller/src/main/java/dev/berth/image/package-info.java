/**
 * References, registry client, content, layer unpack, overlay snapshots and the image store. Knows
 * nothing of gRPC.
 */
@NullMarked
package dev.berth.image;

import org.jspecify.annotations.NullMarked;
