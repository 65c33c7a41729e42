/**
 * Compiles the {@code linux.seccomp} section of a runtime spec to the classic BPF program that the
 * kernel loads with {@code seccomp(SECCOMP_SET_MODE_FILTER)}.
 *
 * <p>The stages, each a class of its own:
 *
 * <ol>
 *   <li>{@link dev.berth.runtime.seccomp.Policy} resolves names and checks every field of the
 *       profile: from here on there are numbers, conditions and actions only;
 *   <li>{@link dev.berth.runtime.seccomp.CallRanges} cuts the space of call numbers into ranges
 *       that get the same verdict. Most calls of a profile are allowed whatever their arguments, so
 *       some four hundred names become about a hundred ranges;
 *   <li>{@link dev.berth.runtime.seccomp.FilterWriter} writes a balanced search over the ranges and
 *       the comparisons of the verdicts that look at arguments.
 * </ol>
 *
 * <p>Rules whose meaning the runtime spec leaves open follow libseccomp and runc, so that a profile
 * means here what it means there: see {@link dev.berth.runtime.seccomp.Policy}.
 */
@NullMarked
package dev.berth.runtime.seccomp;

import org.jspecify.annotations.NullMarked;
