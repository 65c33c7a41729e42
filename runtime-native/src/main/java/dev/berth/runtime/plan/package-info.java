/**
 * The launch plan: Java is the compiler, {@code berth-init} is the processor.
 *
 * <p>{@link dev.berth.runtime.plan.ContainerPlan} and {@link dev.berth.runtime.plan.ExecPlan} turn
 * a runtime spec into a {@link dev.berth.runtime.plan.LaunchPlan}: a list of steps, each a system
 * call whose arguments are immediates, byte buffers or descriptor registers, with the errno values
 * it tolerates. All policy, order and validation is here, where it is read, tested and printed; the
 * stub has no loops, no string parsing and no policy. A step remembers the field of config.json
 * that it comes from, so a failing system call is reported as that field.
 *
 * <p>Pure: nothing here calls the kernel, and golden tests compare printed plans without root.
 */
@NullMarked
package dev.berth.runtime.plan;

import org.jspecify.annotations.NullMarked;
