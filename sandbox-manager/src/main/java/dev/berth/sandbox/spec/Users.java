package dev.berth.sandbox.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.LinuxContainerSecurityContext;
import dev.berth.proto.cri.v1.SupplementalGroupsPolicy;
import dev.berth.sandbox.ContainerUser;
import java.util.Optional;
import java.util.TreeSet;

/**
 * Decides whom a container runs as.
 *
 * <p>In this order: {@code run_as_username}, {@code run_as_user}, the user of the image, root. A
 * name is looked up in the image's own files; what consists of digits is a number and never looked
 * up as a name.
 */
public final class Users {
  private Users() {}

  /**
   * A resolved user.
   *
   * @param home the home directory that the image knows, or {@code /}
   */
  public record Resolved(ContainerUser ids, String home) {}

  /** A user by itself: the parts that lead to one. */
  private record Account(long uid, long gid, Optional<AccountFiles.PasswdEntry> entry) {}

  /**
   * Resolves the user of a container.
   *
   * @param security what CRI asks for
   * @param imageUser {@code user[:group]} of the image's configuration, names or numbers; may be
   *     empty
   * @param files the image's users and groups
   * @throws BerthException INVALID_ARGUMENT naming the field, for a name that the image does not
   *     know and a number out of range
   */
  public static Resolved resolve(
      LinuxContainerSecurityContext security, String imageUser, AccountFiles files) {
    Account account = account(security, imageUser, files);
    if (security.hasRunAsGroup()) {
      long gid = UserIds.require("run_as_group", security.getRunAsGroup().getValue());
      account = new Account(account.uid(), gid, account.entry());
    }
    TreeSet<Long> groups = new TreeSet<>();
    groups.add(account.gid()); // rule R22: the primary group is one of the groups
    for (long gid : security.getSupplementalGroupsList()) {
      groups.add(UserIds.require("supplemental_groups", gid));
    }
    if (security.getSupplementalGroupsPolicy() != SupplementalGroupsPolicy.Strict) {
      account.entry().ifPresent(entry -> groups.addAll(files.memberships(entry.name())));
    }
    String home = account.entry().map(AccountFiles.PasswdEntry::home).orElse("");
    return new Resolved(
        new ContainerUser(account.uid(), account.gid(), groups.stream().toList()),
        home.startsWith("/") ? home : "/");
  }

  private static Account account(
      LinuxContainerSecurityContext security, String imageUser, AccountFiles files) {
    if (!security.getRunAsUsername().isEmpty()) {
      return byText("run_as_username", security.getRunAsUsername(), files);
    }
    if (security.hasRunAsUser()) {
      return byUid(UserIds.require("run_as_user", security.getRunAsUser().getValue()), files);
    }
    if (security.hasRunAsGroup()) {
      throw new BerthException(
          INVALID_ARGUMENT, "run_as_group is set without run_as_user or run_as_username");
    }
    return byImage(imageUser, files);
  }

  private static Account byImage(String imageUser, AccountFiles files) {
    if (imageUser.isEmpty()) {
      return byUid(0, files);
    }
    int colon = imageUser.indexOf(':');
    if (colon < 0) {
      return byText("user of the image", imageUser, files);
    }
    Account account = byText("user of the image", imageUser.substring(0, colon), files);
    String group = imageUser.substring(colon + 1);
    return group.isEmpty()
        ? account
        : new Account(account.uid(), gid("group of the image", group, files), account.entry());
  }

  private static Account byText(String field, String user, AccountFiles files) {
    if (UserIds.isNumeric(user)) {
      return byUid(UserIds.require(field, user), files);
    }
    return files
        .user(entry -> entry.name().equals(user))
        .map(entry -> new Account(entry.uid(), entry.gid(), Optional.of(entry)))
        .orElseThrow(() -> unknown(field, user, "/etc/passwd"));
  }

  private static Account byUid(long uid, AccountFiles files) {
    Optional<AccountFiles.PasswdEntry> entry = files.user(candidate -> candidate.uid() == uid);
    return new Account(uid, entry.map(AccountFiles.PasswdEntry::gid).orElse(0L), entry);
  }

  private static long gid(String field, String group, AccountFiles files) {
    if (UserIds.isNumeric(group)) {
      return UserIds.require(field, group);
    }
    return files
        .group(group)
        .map(AccountFiles.GroupEntry::gid)
        .orElseThrow(() -> unknown(field, group, "/etc/group"));
  }

  private static BerthException unknown(String field, String name, String file) {
    return new BerthException(
        INVALID_ARGUMENT,
        field + " \"" + Ids.printable(name) + "\" is not in " + file + " of the image");
  }
}
