/**
 * The OCI runtime: runtime-spec model, validation, the launch plan compiler and what drives
 * berth-init.
 */
@NullMarked
package dev.berth.runtime;

import org.jspecify.annotations.NullMarked;
