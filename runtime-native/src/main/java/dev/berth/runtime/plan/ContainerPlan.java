package dev.berth.runtime.plan;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.List;

/**
 * Compiles the plan that creates and, once told to, starts a container.
 *
 * <p>The order is the kernel's, not ours: namespaces, id maps, the root and its mounts, devices,
 * kernel parameters, protected paths, the change of root, then everything about the process;
 * seccomp and capabilities come last because the steps before need what they take away.
 *
 * <p>Pure: the same input gives the same plan. Errors name the field of config.json.
 */
public final class ContainerPlan {
  private ContainerPlan() {}

  /** Returns the mount options that a plan carries out, in the order of their names. */
  public static List<String> mountOptions() {
    return List.copyOf(MountOptions.names());
  }

  /**
   * Compiles a container's plan.
   *
   * @throws BerthException INVALID_ARGUMENT or UNIMPLEMENTED naming the field
   */
  public static LaunchPlan compile(LaunchInput input) {
    RuntimeSpec spec = input.spec();
    ContainerProcess process = spec.process();
    Linux linux = spec.linux();
    if (process == null || linux == null) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT,
          "config.json: " + (process == null ? "process" : "linux") + " is missing");
    }
    PlanBuilder plan = new PlanBuilder();
    for (Slot slot : Slot.values()) {
      if (input.slots().contains(slot)) {
        plan.slot(slot);
      }
    }
    Reg[] passed = StdioSteps.declare(plan, input.stdio());
    HookSteps hooks = HookSteps.declare(plan, spec.hooks());
    NamespaceSteps namespaces = new NamespaceSteps(plan, linux, input.cgroup());
    MappedMounts mapped = MappedMounts.declare(plan, spec, linux, input.rootfs());
    GateSteps gate = GateSteps.declare(plan, input.gated());
    PreservedSteps preserved = PreservedSteps.declare(plan, input.options());
    Emitter emit = new Emitter(plan, linux.mountLabel());
    RootSteps root = new RootSteps(plan, emit, input.rootfs(), mapped, linux.rootfsPropagation());
    MountSteps mounts = new MountSteps(plan, emit, input.cgroup(), mapped);
    DeviceSteps devices = new DeviceSteps(plan, emit, mounts, namespaces.inUserNamespace());
    PathSteps paths = new PathSteps(plan, emit);
    SysctlSteps sysctls = new SysctlSteps(plan, emit);
    StdioSteps stdio = StdioSteps.of(plan, emit, input.stdio(), passed);
    AppArmorSteps appArmor = new AppArmorSteps(plan, process.apparmorProfile());
    SelinuxSteps selinux = new SelinuxSteps(plan, process.selinuxLabel());
    ProcessSteps user =
        new ProcessSteps(plan, emit, process, input.seccomp(), Placement.of(linux), false);

    if (namespaces.inUserNamespace()) {
      root.make();
      mounts.openSources(spec.mounts());
    }
    namespaces.cloneProcess(() -> {
      plan.from("launch");
      plan.call("prctl", Uapi.PR_SET_PDEATHSIG, Arg.of(Uapi.SIGKILL, "SIGKILL"));
      plan.call("prctl", Uapi.PR_SET_DUMPABLE, Arg.of(0));
      if (!namespaces.inUserNamespace()) {
        root.make();
      }
      root.attach(namespaces.inUserNamespace(), hooks.lookForRoot());
      mounts.mountAll(spec.mounts());
      devices.makeAll(linux.devices());
      hooks.beforePivot();
      appArmor.setProfile();
      selinux.setLabel();
      stdio.openTerminal(mounts, process.user().uid(), true);
      names(plan, spec);
      sysctls.writeAll(linux.sysctl());
      paths.makeReadonly(linux.readonlyPaths());
      paths.mask(linux.maskedPaths());
      user.openDirectory();
      root.enter(input.options().pivots());
      mounts.finish();
      if (spec.root() != null && spec.root().readonly()) {
        root.makeReadonly();
      }
      user.enterDirectory();
      stdio.install();
      user.prepare(input.options().ownKeyring() ? "_ses." + input.id() : null);
      gate.await(user, preserved);
      hooks.beforeProgram(process.env(), user::confine);
      plan.from("start");
      plan.call("prctl", Uapi.PR_SET_PDEATHSIG, Arg.of(0));
      stdio.startSession();
      preserved.install();
      user.execute();
    });
    if (namespaces.inUserNamespace()) {
      root.close();
      mounts.closeSources();
    }
    return plan.build();
  }

  /** In a namespace that others are in as well, they have the names too: who asks knows that. */
  private static void names(PlanBuilder plan, RuntimeSpec spec) {
    String hostname = spec.hostname();
    if (hostname != null && !hostname.isEmpty()) {
      plan.from("hostname");
      plan.call("sethostname", plan.string(hostname), Arg.of(utf8Length(hostname)));
    }
    String domainname = spec.domainname();
    if (domainname != null && !domainname.isEmpty()) {
      plan.from("domainname");
      plan.call("setdomainname", plan.string(domainname), Arg.of(utf8Length(domainname)));
    }
  }

  private static long utf8Length(String text) {
    return text.getBytes(java.nio.charset.StandardCharsets.UTF_8).length;
  }
}
