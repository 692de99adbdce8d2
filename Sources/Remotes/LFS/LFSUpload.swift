import Base
import ObjectStore

/// One object on its way to a server: PUT, then verify where the server wants it.
struct LFSUpload {
    private let client: LFSClient
    private let file: Pointer
    private let store: ObjectStore

    init(_ client: LFSClient, _ file: Pointer, _ store: ObjectStore) {
        self.client = client
        self.file = file
        self.store = store
    }

    /// - Returns: the bytes sent; 0 when the server has it.
    func run(_ object: LFSObject) throws -> Int64 {
        var object = object
        for isLast in [false, true] {
            if let error = object.error { throw failure(error.code, error.message) }
            guard let upload = object.actions["upload"] else { return 0 }
            if isLast || !upload.isExpired {
                let answer = try put(upload, object.isAuthenticated)
                if (200..<300).contains(answer.status) {
                    if let verify = object.actions["verify"] { try self.verify(verify, object.isAuthenticated) }
                    return file.size
                }
                guard !isLast, answer.status == 401 || answer.status == 403 else {
                    throw failure(answer.status, LFSFailure.words(answer))
                }
            }
            // An action that ran out is asked for again, once.
            guard let fresh = try client.batch(.upload, [file])[file.oid] else {
                throw failure(404, "no answer")
            }
            object = fresh
        }
        return 0
    }

    private func put(_ action: LFSAction, _ isAuthenticated: Bool) throws -> HTTPRequest.Answer {
        let headers = try client.headers(for: action, isAuthenticated, .upload)
        return try client.exchange("the upload of object \(file.oid.short)", addsCredentials: !isAuthenticated) {
            let reader = try ObjectReader(file.oid, in: store)
            guard reader.size == file.size else {
                throw MLError(
                    .invalidInput, "a pointer gives object \(file.oid.short) \(file.size) bytes; it has \(reader.size)")
            }
            var request = HTTPRequest(method: "PUT", url: action.href, headers: headers)
            if !headers.contains(where: { $0.lowercased().hasPrefix("content-type:") }) {
                request.headers.append("Content-Type: application/octet-stream")
            }
            request.stream = HTTPStream(
                length: reader.size, read: { try reader.read(into: $0) }, rewind: { reader.rewind() })
            return request
        }
    }

    private func verify(_ action: LFSAction, _ isAuthenticated: Bool) throws {
        let body = JSON.object(["oid": .string(file.oid.hex), "size": .integer(file.size)])
        let headers = try client.headers(for: action, isAuthenticated, .upload)
        let answer = try client.exchange("the check of object \(file.oid.short)", addsCredentials: !isAuthenticated) {
            HTTPRequest(
                method: "POST", url: action.href,
                headers: headers + [
                    "Accept: \(LFSMessages.mediaType)", "Content-Type: \(LFSMessages.mediaType)",
                ], body: Array(body.compact().utf8))
        }
        guard (200..<300).contains(answer.status) else {
            throw LFSFailure.error(
                answer.status, LFSFailure.words(answer), subject: "object \(file.oid.short) after its upload",
                server: client.name)
        }
    }

    private func failure(_ status: Int, _ words: String) -> MLError {
        LFSFailure.error(status, words, subject: "the upload of object \(file.oid.short)", server: client.name)
    }
}
