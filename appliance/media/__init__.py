"""Pictures and sound: from their sources to the remote parties, and into the record.

How the parts are put together (all on one asyncio loop; capture and encoding have their own threads):

    otoscope = PictureSource("otoscope", "Otoscope", open_otoscope)         # source.py; open_: () -> Reader[Frame]
    stethoscope = SoundSource("stethoscope", "Stethoscope", open_heart)     # sound.py;  open_: () -> Reader[Period]
    otoscope.start(); stethoscope.start()                                   # .stop() pulls the plug, .start() replugs

    engine = Engine(EngineSettings(addresses=("127.0.0.1",)))               # engine.py
    peers = Peers(engine, Offered((otoscope,), stethoscope), subscribe=feed.subscribe, still=take_still, on_state=told)
    offer = await peers.join("peer-id", ice_servers)                        # peers.py; TooManyPeers beyond the limit
    await peers.answer("peer-id", answer); await peers.candidate("peer-id", candidate)
    await peers.leave("peer-id")

    async for message in source_messages(sources): feed.publish(message)    # status.py
    picture = take_still(otoscope)                                          # still.py, raises StillRefused(code)
    stethoscope.recorder.last(10.0)                                         # stethoscope.py, the samples that were sent
    stethoscope.recorder.blocks(stream, sequence, count)                    # the same blocks again: backfill.py
    Auscultation(stethoscope, spool, keep, tell).act({"act": "begin"}, by)  # auscultation.py: quiet, proof, recording
    Preroll(otoscope).begin()                                               # clip.py: holds ten seconds until `end`

Ends: `await peers.aclose()`, then `await source.aclose()` for each.
"""
