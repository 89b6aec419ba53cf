"""What a lifted module has in it where its script parses arguments: a parser that is quiet, and reads no command line."""

ARGUMENTS = '''def __made__(kind, *args, **kwargs):
    """What a class that only holds settings gives."""
    return kind(*args, **kwargs)


def __changed__(arguments, name, made):
    """The arguments with one that the script sets by itself."""
    try:
        setattr(arguments, name, made(arguments))
    except Exception:
        pass
    return arguments


def __arguments__(given, *declared):
    """What a parser that was told this makes of what it is given; it reads no command line and prints nothing."""
    import argparse

    class Quiet(argparse.ArgumentParser):
        def error(self, message):
            raise ValueError(message)

        def exit(self, status=0, message=None):
            raise ValueError(message)

    def add(parser, flags, words):
        action = parser.add_argument(*flags, **words)
        action.required = False
        try:
            if isinstance(action.default, str) and action.type:
                action.type(action.default)
        except Exception:
            action.type = None

    parser = Quiet(prog="script", usage="", add_help=False, conflict_handler="resolve")
    for flags, words in declared:
        found = {}
        for name, made in words.items():
            try:
                found[name] = made()
            except Exception:
                pass
        if not flags:
            parser.set_defaults(**found)
            continue
        for tried in (found, {name: found[name] for name in found if name in ("dest", "default")}):
            try:
                add(parser, flags, tried)
                break
            except Exception:
                pass
    for tried in (given, []):
        try:
            return parser.parse_known_args(tried)[0]
        except Exception:
            pass
    known = {each.dest: each.default for each in parser._actions if each.default is not argparse.SUPPRESS}
    return argparse.Namespace(**known, **{name: parser._defaults[name] for name in parser._defaults if name not in known})'''
