import Base
import CCurl

/// libcurl's handles for reuse: each keeps its connections open, which spares a handshake for every small object.
final class HTTPHandles: @unchecked Sendable {
    static let shared = HTTPHandles()
    /// More than this many are not kept.
    private static let limit = 16
    private let mutex = Mutex()
    private var idle: [UnsafeMutableRawPointer] = []

    private init() { curl_global_init(Int(CURL_GLOBAL_DEFAULT)) }

    func take() -> UnsafeMutableRawPointer? { mutex.withLock { idle.popLast() } ?? curl_easy_init() }

    func giveBack(_ handle: UnsafeMutableRawPointer) {
        curl_easy_reset(handle)
        let isKept = mutex.withLock {
            guard idle.count < HTTPHandles.limit else { return false }
            idle.append(handle)
            return true
        }
        if !isKept { curl_easy_cleanup(handle) }
    }
}
