/**
 * The model of config.json, the OCI runtime specification 1.3, and what can be refused before any
 * kernel call.
 *
 * <p>{@link dev.berth.runtime.spec.RuntimeSpec} and its parts are plain immutable values: reading
 * checks types only, so that a spec can be built step by step. {@link
 * dev.berth.runtime.spec.SpecValidator} then checks what the specification and the kernel demand of
 * the whole. Both name the field at fault by its path.
 */
@NullMarked
package dev.berth.runtime.spec;

import org.jspecify.annotations.NullMarked;
