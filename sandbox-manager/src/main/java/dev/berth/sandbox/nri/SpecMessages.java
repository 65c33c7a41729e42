package dev.berth.sandbox.nri;

import dev.berth.proto.nri.Container;
import dev.berth.proto.nri.Hook;
import dev.berth.proto.nri.Hooks;
import dev.berth.proto.nri.IOPrioClass;
import dev.berth.proto.nri.LinuxContainer;
import dev.berth.proto.nri.LinuxDevice;
import dev.berth.proto.nri.LinuxIOPriority;
import dev.berth.proto.nri.LinuxNamespace;
import dev.berth.proto.nri.LinuxNetDevice;
import dev.berth.proto.nri.LinuxRdt;
import dev.berth.proto.nri.LinuxScheduler;
import dev.berth.proto.nri.LinuxSchedulerFlag;
import dev.berth.proto.nri.LinuxSchedulerPolicy;
import dev.berth.proto.nri.LinuxSeccomp;
import dev.berth.proto.nri.LinuxSeccompArg;
import dev.berth.proto.nri.LinuxSyscall;
import dev.berth.proto.nri.Mount;
import dev.berth.proto.nri.OptionalBool;
import dev.berth.proto.nri.OptionalFileMode;
import dev.berth.proto.nri.OptionalInt;
import dev.berth.proto.nri.OptionalRepeatedString;
import dev.berth.proto.nri.OptionalString;
import dev.berth.proto.nri.OptionalUInt32;
import dev.berth.proto.nri.POSIXRlimit;
import dev.berth.proto.nri.User;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Device;
import dev.berth.runtime.spec.IntelRdt;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.Seccomp;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Tells plugins what the runtime spec of a container says. */
public final class SpecMessages {
  private SpecMessages() {}

  /** Returns a container with all that the spec says of it. */
  public static Container.Builder describe(RuntimeSpec spec) {
    Container.Builder message = Container.newBuilder().putAllAnnotations(spec.annotations());
    spec.mounts().forEach(mount -> message.addMounts(mount(mount)));
    if (spec.hooks() != null) {
      message.setHooks(hooks(spec.hooks()));
    }
    LinuxContainer.Builder linux = LinuxContainer.newBuilder();
    if (spec.linux() != null) {
      describe(spec.linux(), linux);
    }
    if (spec.process() != null) {
      describe(spec.process(), message, linux);
    }
    return message.setLinux(linux);
  }

  private static void describe(
      ContainerProcess process, Container.Builder message, LinuxContainer.Builder linux) {
    message.addAllArgs(process.args()).addAllEnv(process.env());
    message.setUser(
        User.newBuilder()
            .setUid((int) process.user().uid())
            .setGid((int) process.user().gid())
            .addAllAdditionalGids(
                process.user().additionalGids().stream().map(Long::intValue).toList()));
    process
        .rlimits()
        .forEach(limit ->
            message.addRlimits(
                POSIXRlimit.newBuilder()
                    .setType(limit.type())
                    .setHard(limit.hard())
                    .setSoft(limit.soft())));
    if (process.oomScoreAdj() != null) {
      linux.setOomScoreAdj(OptionalInt.newBuilder().setValue(process.oomScoreAdj()));
    }
    if (process.ioPriority() != null) {
      linux.setIoPriority(
          LinuxIOPriority.newBuilder()
              .setClass_(IOPrioClass.valueOf(process.ioPriority().priorityClass()))
              .setPriority(process.ioPriority().priority()));
    }
    if (process.scheduler() != null) {
      linux.setScheduler(scheduler(process.scheduler()));
    }
  }

  private static void describe(Linux linux, LinuxContainer.Builder message) {
    message.putAllSysctl(linux.sysctl());
    linux.namespaces().forEach(namespace -> message.addNamespaces(namespace(namespace)));
    linux.devices().forEach(device -> message.addDevices(device(device)));
    linux
        .netDevices()
        .forEach((host, device) ->
            message.putNetDevices(
                host, LinuxNetDevice.newBuilder().setName(text(device.name())).build()));
    if (linux.resources() != null) {
      message.setResources(Limits.ofSpec(linux.resources()));
    }
    message.setCgroupsPath(text(linux.cgroupsPath()));
    if (linux.seccomp() != null) {
      message.setSeccompPolicy(seccomp(linux.seccomp()));
    }
    if (linux.intelRdt() != null) {
      message.setRdt(rdt(linux.intelRdt()));
    }
  }

  /** Returns a namespace, also as pods have them. */
  public static LinuxNamespace namespace(Namespace namespace) {
    return LinuxNamespace.newBuilder()
        .setType(namespace.type())
        .setPath(text(namespace.path()))
        .build();
  }

  private static Mount mount(dev.berth.runtime.spec.Mount mount) {
    return Mount.newBuilder()
        .setDestination(mount.destination())
        .setType(text(mount.type()))
        .setSource(text(mount.source()))
        .addAllOptions(mount.options())
        .build();
  }

  private static Hooks hooks(dev.berth.runtime.spec.Hooks hooks) {
    return Hooks.newBuilder()
        .addAllPrestart(hooks(hooks.prestart()))
        .addAllCreateRuntime(hooks(hooks.createRuntime()))
        .addAllCreateContainer(hooks(hooks.createContainer()))
        .addAllStartContainer(hooks(hooks.startContainer()))
        .addAllPoststart(hooks(hooks.poststart()))
        .addAllPoststop(hooks(hooks.poststop()))
        .build();
  }

  private static List<Hook> hooks(List<dev.berth.runtime.spec.Hooks.Hook> hooks) {
    return hooks.stream().map(SpecMessages::hook).toList();
  }

  private static Hook hook(dev.berth.runtime.spec.Hooks.Hook hook) {
    Hook.Builder message =
        Hook.newBuilder().setPath(hook.path()).addAllArgs(hook.args()).addAllEnv(hook.env());
    if (hook.timeout() != null) {
      message.setTimeout(OptionalInt.newBuilder().setValue(hook.timeout()));
    }
    return message.build();
  }

  private static LinuxDevice device(Device device) {
    LinuxDevice.Builder message =
        LinuxDevice.newBuilder()
            .setPath(device.path())
            .setType(device.type())
            .setMajor(device.major())
            .setMinor(device.minor());
    if (device.fileMode() != null) {
      message.setFileMode(OptionalFileMode.newBuilder().setValue(device.fileMode()));
    }
    if (device.uid() != null) {
      message.setUid(unsigned(device.uid()));
    }
    if (device.gid() != null) {
      message.setGid(unsigned(device.gid()));
    }
    return message.build();
  }

  private static LinuxScheduler scheduler(ContainerProcess.Scheduler scheduler) {
    LinuxScheduler.Builder message =
        LinuxScheduler.newBuilder()
            .setPolicy(LinuxSchedulerPolicy.valueOf(scheduler.policy()))
            .setNice(number(scheduler.nice()))
            .setPriority(number(scheduler.priority()))
            .setRuntime(number(scheduler.runtime()))
            .setDeadline(number(scheduler.deadline()))
            .setPeriod(number(scheduler.period()));
    scheduler.flags().forEach(flag -> message.addFlags(LinuxSchedulerFlag.valueOf(flag)));
    return message.build();
  }

  private static LinuxRdt rdt(IntelRdt rdt) {
    LinuxRdt.Builder message =
        LinuxRdt.newBuilder()
            .setSchemata(OptionalRepeatedString.newBuilder().addAllValue(rdt.schemata()))
            .setEnableMonitoring(OptionalBool.newBuilder().setValue(rdt.enableMonitoring()));
    if (rdt.closID() != null) {
      message.setClosId(OptionalString.newBuilder().setValue(rdt.closID()));
    }
    return message.build();
  }

  private static LinuxSeccomp seccomp(Seccomp seccomp) {
    LinuxSeccomp.Builder message =
        LinuxSeccomp.newBuilder()
            .setDefaultAction(seccomp.defaultAction())
            .addAllArchitectures(seccomp.architectures())
            .addAllFlags(seccomp.flags())
            .setListenerPath(text(seccomp.listenerPath()))
            .setListenerMetadata(text(seccomp.listenerMetadata()));
    if (seccomp.defaultErrnoRet() != null) {
      message.setDefaultErrno(unsigned(seccomp.defaultErrnoRet()));
    }
    seccomp.syscalls().forEach(rule -> message.addSyscalls(rule(rule)));
    return message.build();
  }

  private static LinuxSyscall rule(Seccomp.Rule rule) {
    LinuxSyscall.Builder message =
        LinuxSyscall.newBuilder().addAllNames(rule.names()).setAction(rule.action());
    if (rule.errnoRet() != null) {
      message.setErrnoRet(unsigned(rule.errnoRet()));
    }
    for (Seccomp.Arg arg : rule.args()) {
      message.addArgs(
          LinuxSeccompArg.newBuilder()
              .setIndex(arg.index())
              .setValue(arg.value())
              .setValueTwo(arg.valueTwo())
              .setOp(arg.op()));
    }
    return message.build();
  }

  private static String text(@Nullable String value) {
    return value == null ? "" : value;
  }

  private static int number(@Nullable Integer value) {
    return value == null ? 0 : value;
  }

  private static long number(@Nullable Long value) {
    return value == null ? 0 : value;
  }

  private static OptionalUInt32 unsigned(long value) {
    return OptionalUInt32.newBuilder().setValue((int) value).build();
  }
}
