/**
 * The edge: CRI gRPC services, configuration, {@code berthd} and the {@code berth} command line.
 */
@NullMarked
package dev.berth.cri;

import org.jspecify.annotations.NullMarked;
