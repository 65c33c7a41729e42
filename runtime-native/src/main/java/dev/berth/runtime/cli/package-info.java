/** The command line of the OCI runtime, {@code berth-runtime}. */
@NullMarked
package dev.berth.runtime.cli;

import org.jspecify.annotations.NullMarked;
