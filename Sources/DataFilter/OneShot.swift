import Base
import ObjectStore

/// `clean` and `smudge` for one file, from an input to an output: for scripts, and for git without a filter process.
public enum OneShot {
    /// Stores the input and writes its pointer.
    ///
    /// - Parameter path: the file's path from the top of the work tree.
    public static func clean(_ session: FilterSession, path: String, input: FileHandle, output: FileHandle) throws {
        let answer = try session.clean(path: Array(path.utf8)) { try input.read(into: $0) }
        try session.finish(sync: false)
        try output.writeAll(answer)
    }

    /// Writes the content the input points to; an input that is no pointer as it is.
    ///
    /// - Parameter path: the file's path, for messages.
    /// - Throws: `MLError(.missingObject)`, `MLError(.corrupt)`.
    public static func smudge(_ session: FilterSession, path: String, input: FileHandle, output: FileHandle) throws {
        let text = try [UInt8](unsafeUninitializedCapacity: Pointer.sizeLimit) { buffer, initialized in
            initialized = try input.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
        switch try session.planSmudge(text, path: Array(path.utf8)) {
        case .asIs:
            try output.writeAll(text)
            if text.count == Pointer.sizeLimit { try copy(input, output) }
        case .content(let pointer): try session.write(pointer) { try output.writeAll($0) }
        case .fetch(let pointer):
            try session.fetch([pointer])
            if try session.store.contains(pointer.oid) {
                try session.write(pointer) { try output.writeAll($0) }
            } else if session.settings.skipDownloadErrors {
                _ = session.settleMissing(pointer, path: Array(path.utf8))
                try output.writeAll(text)
            } else {
                throw MLError(
                    .missingObject,
                    "cannot fetch '\(path)': object '\(pointer.oid)' is neither in the local store nor on a remote",
                    hint: "ask whoever committed it to run 'git mldata push'")
            }
        }
        try session.finish(sync: true)
    }

    private static func copy(_ input: FileHandle, _ output: FileHandle) throws {
        let step = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
        defer { step.deallocate() }
        while true {
            let count = try input.read(into: step)
            try output.writeAll(UnsafeRawBufferPointer(rebasing: step[..<count]))
            if count < step.count { return }
        }
    }
}
