import Glibc

/// Who else may use the files of a repository (git: `core.sharedRepository`).
public enum SharedPermissions {
    /// The mask of the user, which counts for files of the work tree whatever the repository asks for.
    ///
    /// Read for the first time before `apply` changes the mask.
    public static let userMask: mode_t = {
        let mask = umask(0o022)
        umask(mask)
        return mask
    }()

    /// From here on files of the repository are made as the setting says; nil and words git does not know change nothing.
    public static func apply(_ value: String?) {
        let user = userMask
        switch value?.lowercased() {
        case "group", "true", "1": umask(user & ~0o070)
        case "all", "world", "everybody", "2": umask(user & ~0o075)
        case let octal? where octal.hasPrefix("0") && octal.count > 1:
            // Who may read a folder's files may enter the folder.
            guard let mode = mode_t(octal, radix: 8), mode & 0o600 == 0o600 else { return }
            umask(0o777 & ~(mode | (mode & 0o444) >> 2))
        default: return
        }
    }
}
