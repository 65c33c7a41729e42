/**
 * What every module leans on and what loads without a single kernel call: the error type, the
 * {@link dev.berth.base.Operation} that accompanies a request, undo, shared flights, durable files
 * and identifiers.
 */
@NullMarked
package dev.berth.base;

import org.jspecify.annotations.NullMarked;
