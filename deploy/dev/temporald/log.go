package temporald

import (
	"fmt"

	"go.temporal.io/server/common/log"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// logger writes the server's logs to standard error. While the services come up
// they warn that others are not there yet, and while they go down they report
// every interrupted call as an error. Neither helps anybody, so unless all was
// asked for (debug or info) it is held back.
type logger struct {
	log.Logger
	level  zap.AtomicLevel
	normal zapcore.Level // as asked for
}

// newLogger returns the logger of a server that is starting.
func newLogger(level string) (*logger, error) {
	normal, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, fmt.Errorf("parsing log level: %w", err)
	}
	c := zap.NewProductionConfig()
	c.Encoding = "console"
	c.EncoderConfig.EncodeTime = zapcore.ISO8601TimeEncoder
	c.DisableCaller = true // the server adds the caller itself
	c.DisableStacktrace = true
	c.Level = zap.NewAtomicLevelAt(normal)
	z, err := c.Build()
	if err != nil {
		return nil, fmt.Errorf("building the logger: %w", err)
	}
	l := &logger{Logger: log.NewZapLogger(z), level: c.Level, normal: normal}
	l.starting()
	return l, nil
}

// starting lets errors through, not warnings.
func (l *logger) starting() { l.quiet(zap.ErrorLevel) }

// started goes back to the level that was asked for.
func (l *logger) started() { l.level.SetLevel(l.normal) }

// stopping lets only fatal errors through. None of the others can mean a loss:
// what was not committed was not acknowledged.
func (l *logger) stopping() { l.quiet(zap.FatalLevel) }

func (l *logger) quiet(level zapcore.Level) {
	if l.normal >= zap.WarnLevel {
		l.level.SetLevel(max(level, l.normal))
	}
}
