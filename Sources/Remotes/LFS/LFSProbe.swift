import Base
import ObjectStore

extension LFSRemote {
    /// Asks what a user wants to know before the first push, and leaves nothing there: a server cannot be told to delete.
    public func probe() -> [RemoteProbe.Step] {
        let unknown = Pointer(oid: .of("git-ml remote test \(UInt64.random(in: 0...UInt64.max))"), size: 1)
        var steps: [RemoteProbe.Step] = []
        for operation in [LFSOperation.download, .upload] {
            let name = operation == .download ? "ask for a download" : "ask for an upload"
            steps.append(
                RemoteProbe.attempt(name) {
                    let object = try client.batch(operation, [unknown])[unknown.oid]
                    return operation == .download ? object?.error != nil : object?.actions["upload"] != nil
                })
            if steps.last?.failure != nil { break }
        }
        return steps
    }
}
