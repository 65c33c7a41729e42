package dev.berth.runtime.spec;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What {@code process} must satisfy. */
final class ProcessRules {
  /** Ids are unsigned 32 bits; the last one means "no change" to setresuid(2). */
  static final long MAX_ID = 0xFFFF_FFFEL;

  // asm-generic/resource.h
  private static final Set<String> RLIMITS =
      Set.of(
          "RLIMIT_AS",
          "RLIMIT_CORE",
          "RLIMIT_CPU",
          "RLIMIT_DATA",
          "RLIMIT_FSIZE",
          "RLIMIT_LOCKS",
          "RLIMIT_MEMLOCK",
          "RLIMIT_MSGQUEUE",
          "RLIMIT_NICE",
          "RLIMIT_NOFILE",
          "RLIMIT_NPROC",
          "RLIMIT_RSS",
          "RLIMIT_RTPRIO",
          "RLIMIT_RTTIME",
          "RLIMIT_SIGPENDING",
          "RLIMIT_STACK");

  private ProcessRules() {}

  static void check(Field field, ContainerProcess process) {
    field.child("args").require(!process.args().isEmpty(), "required");
    field.child("args").element(0).require(!process.args().getFirst().isEmpty(), "is empty");
    field.child("cwd").requireAbsolute(process.cwd());
    environment(field.child("env"), process.env());
    user(field.child("user"), process.user());
    capabilities(field.child("capabilities"), process.capabilities());
    rlimits(field.child("rlimits"), process.rlimits());
    consoleSize(field.child("consoleSize"), process.consoleSize());
    if (process.oomScoreAdj() != null) {
      field.child("oomScoreAdj").requireRange(process.oomScoreAdj(), -1000, 1000);
    }
    appArmor(field.child("apparmorProfile"), process.apparmorProfile());
    selinux(field.child("selinuxLabel"), process.selinuxLabel());
    SchedulingRules.scheduler(field.child("scheduler"), process.scheduler());
    SchedulingRules.ioPriority(field.child("ioPriority"), process.ioPriority());
    SchedulingRules.affinity(field.child("execCPUAffinity"), process.execCpuAffinity());
  }

  /** The kernel reads it as the rest of a command's line. */
  private static void appArmor(Field field, @Nullable String profile) {
    field.require(
        profile == null || profile.chars().noneMatch(c -> c <= ' ' || c == 127),
        "holds a space or a control character");
  }

  /** USER:ROLE:TYPE, and a LEVEL where the policy has levels. */
  static void selinux(Field field, @Nullable String label) {
    if (label != null) {
      field.require(
          label.split(":", -1).length >= 3,
          "expected user:role:type:level, not " + Field.quoted(label));
      field.require(
          label.chars().noneMatch(c -> c <= ' ' || c == 127),
          "holds a space or a control character");
    }
  }

  static void environment(Field field, List<String> env) {
    for (int i = 0; i < env.size(); i++) {
      field.element(i).require(env.get(i).indexOf('=') > 0, "expected NAME=value");
    }
  }

  private static void user(Field field, User user) {
    field.child("uid").requireRange(user.uid(), 0, MAX_ID);
    field.child("gid").requireRange(user.gid(), 0, MAX_ID);
    if (user.umask() != null) {
      field.child("umask").requireRange(user.umask(), 0, 0777);
    }
    // NGROUPS_MAX of linux/limits.h
    field.child("additionalGids").require(user.additionalGids().size() <= 65536, "too many groups");
    for (int i = 0; i < user.additionalGids().size(); i++) {
      field
          .child("additionalGids")
          .element(i)
          .requireRange(user.additionalGids().get(i), 0, MAX_ID);
    }
  }

  private static void capabilities(Field field, @Nullable Capabilities sets) {
    if (sets == null) {
      return;
    }
    known(field.child("bounding"), sets.bounding());
    known(field.child("effective"), sets.effective());
    known(field.child("inheritable"), sets.inheritable());
    known(field.child("permitted"), sets.permitted());
    known(field.child("ambient"), sets.ambient());
    for (int i = 0; i < sets.effective().size(); i++) {
      field
          .child("effective")
          .element(i)
          .require(
              sets.permitted().contains(sets.effective().get(i)),
              sets.effective().get(i) + " is not in the permitted set");
    }
  }

  private static void known(Field field, List<String> names) {
    for (int i = 0; i < names.size(); i++) {
      field
          .element(i)
          .require(
              CapabilityNames.number(names.get(i)).isPresent(),
              "unknown capability " + Field.quoted(names.get(i)));
    }
  }

  private static void rlimits(Field field, List<Rlimit> limits) {
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < limits.size(); i++) {
      Rlimit limit = limits.get(i);
      Field type = field.element(i).child("type");
      type.require(RLIMITS.contains(limit.type()), "unknown limit " + Field.quoted(limit.type()));
      type.require(seen.add(limit.type()), limit.type() + " is given twice");
      field
          .element(i)
          .child("soft")
          .require(
              Long.compareUnsigned(limit.soft(), limit.hard()) <= 0, "is above the hard limit");
    }
  }

  private static void consoleSize(Field field, ContainerProcess.@Nullable ConsoleSize size) {
    if (size != null) { // struct winsize has unsigned shorts
      field.child("height").requireRange(size.height(), 0, 0xFFFF);
      field.child("width").requireRange(size.width(), 0, 0xFFFF);
    }
  }
}
