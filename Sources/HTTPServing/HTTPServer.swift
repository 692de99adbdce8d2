import Base
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL
import Serving

/// A server for HTTP/1.1 and HTTP/2: under TLS as the client asks, without TLS where it begins with it ("prior knowledge").
///
/// It knows nothing of models: whole requests go to a `RequestHandling`, whole answers come back. What is malformed, too large
/// or too slow never reaches the handler.
public final class HTTPServer: Sendable {
    /// What a server allows.
    public struct Settings: Sendable {
        public var host = "127.0.0.1"
        /// 0 takes a free one.
        public var port = 8080
        /// Files in PEM; nil for plain HTTP.
        public var certificate: (chain: String, key: String)?
        /// Bytes of a request's body.
        public var largestBody = 8 << 20
        /// Connections at a time; more are answered 503.
        public var connections = 4096
        /// Seconds from a connection's start, or from the last answer, until a request's headers are there.
        public var idleSeconds: Int64 = 60
        /// Seconds a request's body may take.
        public var bodySeconds: Int64 = 20
        /// Seconds an answer may take; then 504.
        public var answerSeconds = 30.0
        /// Threads for connections.
        public var threads = processorCount()

        public init() {}
    }

    /// Seconds that a connection beyond their number may be silent before it would hear that it is one too many.
    static let unwelcomeSeconds: Int64 = 2

    private let group: MultiThreadedEventLoopGroup
    private let listener: any Channel
    private let connections: Connections

    /// The port that is listened on.
    public var port: Int { listener.localAddress?.port ?? 0 }

    /// Starts to listen.
    ///
    /// - Throws: `MLError(.io)` when the address cannot be had, `MLError(.invalidInput)` for a certificate that is none.
    public init(_ settings: Settings, _ handler: any RequestHandling) throws {
        let context = try settings.certificate.map(HTTPServer.context)
        group = MultiThreadedEventLoopGroup(numberOfThreads: settings.threads)
        let connections = Connections(limit: settings.connections)
        self.connections = connections
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                HTTPServer.prepare(channel, settings, handler, connections, context)
            }
        do {
            listener = try bootstrap.bind(host: settings.host, port: settings.port).wait()
        } catch {
            try? group.syncShutdownGracefully()
            throw MLError(
                .io, "cannot listen on \(settings.host):\(settings.port): \(HTTPServer.words(error))",
                hint: "take another port with '--port N' ('--port 0' takes a free one)")
        }
    }

    /// Stops listening, lets requests under way finish, and ends.
    ///
    /// - Parameter seconds: after this long what is still open is cut.
    public func drain(within seconds: Int64) {
        try? listener.close().wait()
        connections.drain()
        connections.waitUntilEmpty(seconds: seconds)
        try? group.syncShutdownGracefully()
    }

    private static func prepare(
        _ channel: any Channel, _ settings: Settings, _ handler: any RequestHandling, _ connections: Connections,
        _ context: NIOSSLContext?
    ) -> EventLoopFuture<Void> {
        let isWelcome = connections.enter(channel)
        let seconds = isWelcome ? settings.idleSeconds : HTTPServer.unwelcomeSeconds
        @Sendable func http1(_ channel: any Channel) throws {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.configureHTTPServerPipeline(withErrorHandling: false)
            try pipeline.addHandler(ConnectionHandler(settings, handler, isWelcome: isWelcome, isStream: false))
        }
        @Sendable func http2(_ channel: any Channel) throws {
            try HTTPServer.prepareHTTP2(channel, settings, handler, isWelcome: isWelcome)
        }
        guard let context else {
            return channel.eventLoop.makeCompletedFuture {
                let detector = ProtocolDetector(seconds: seconds) { isHTTP2, channel in
                    if isHTTP2 { try http2(channel) } else { try http1(channel) }
                }
                try channel.pipeline.syncOperations.addHandler(detector)
            }
        }
        // A handshake that does not end has no time-out of its own.
        let handshake = channel.eventLoop.scheduleTask(in: .seconds(seconds)) {
            channel.close(promise: nil)
        }
        return channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
        }.flatMap {
            channel.configureHTTP2SecureUpgrade(
                h2ChannelConfigurator: { channel in
                    handshake.cancel()
                    return channel.eventLoop.makeCompletedFuture { try http2(channel) }
                },
                http1ChannelConfigurator: { channel in
                    handshake.cancel()
                    return channel.eventLoop.makeCompletedFuture { try http1(channel) }
                })
        }
    }

    private static func prepareHTTP2(
        _ channel: any Channel, _ settings: Settings, _ handler: any RequestHandling, isWelcome: Bool
    ) throws {
        var configuration = NIOHTTP2ServerConnectionManagementHandler.Configuration.defaults
        configuration.maxIdleTime = .seconds(settings.idleSeconds)
        configuration.maxGraceTime = .milliseconds(Int64(settings.answerSeconds * 1000))
        let manager = NIOHTTP2ServerConnectionManagementHandler(
            eventLoop: channel.eventLoop, configuration: configuration)
        let pipeline = channel.pipeline.syncOperations
        _ = try pipeline.configureHTTP2Pipeline(
            mode: .server, connectionConfiguration: .init(), streamConfiguration: .init(),
            streamDelegate: manager.http2StreamDelegate
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                let pipeline = stream.pipeline.syncOperations
                try pipeline.addHandler(AuthorityFiller())
                try pipeline.addHandler(HTTP2FramePayloadToHTTP1ServerCodec())
                try pipeline.addHandler(ConnectionHandler(settings, handler, isWelcome: isWelcome, isStream: true))
            }
        }
        try pipeline.addHandler(DrainTranslator())
        try pipeline.addHandler(manager)
    }

    private static func context(_ files: (chain: String, key: String)) throws -> NIOSSLContext {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(files.chain).map { NIOSSLCertificateSource.certificate($0) }
            let key = try NIOSSLPrivateKey(file: files.key, format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain, privateKey: .privateKey(key))
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = ["h2", "http/1.1"]
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw MLError(
                .invalidInput, "cannot use the certificate '\(files.chain)' with the key '\(files.key)': \(error)",
                hint: "both must be PEM files, and belong together")
        }
    }

    private static func words(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return String(cString: strerror(error.errnoCode))
    }
}
