/**
 * Runs containers: launches a plan in a berth-init, follows the process to its exit, and finds it
 * again after this JVM was replaced.
 *
 * <p>{@link dev.berth.runtime.task.Tasks} creates and adopts; a {@link dev.berth.runtime.task.Task}
 * is one container's process and whatever is executed beside it. What a task needs to be found
 * again lies in its directory, see {@link dev.berth.runtime.task.TaskDirectory}.
 */
@NullMarked
package dev.berth.runtime.task;

import org.jspecify.annotations.NullMarked;
