/*
 * The front of containerd-shim-berth-v2: answers what takes no JVM.
 *
 *   start    when a shim serves: its address, in the form that the runtime reads
 *   delete   when nothing is left of the container: that it was killed
 *
 * Returns when it cannot answer, and has then neither read nor written anything: the JVM is to be
 * asked. See StartCommand, StartInput and DeleteCommand of shim-v2, which answer the same.
 */
#ifndef BERTH_FRONT_H
#define BERTH_FRONT_H

void front(const char **arguments, const char **environment);

#endif
