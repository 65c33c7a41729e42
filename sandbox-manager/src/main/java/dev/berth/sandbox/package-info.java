/** Pod and container state machines, recovery, CNI, OCI spec generation. Knows nothing of gRPC. */
@NullMarked
package dev.berth.sandbox;

import org.jspecify.annotations.NullMarked;
