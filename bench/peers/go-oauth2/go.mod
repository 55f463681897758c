module keyfob.dev/bench/peers/go-oauth2

go 1.25.0

require golang.org/x/oauth2 v0.36.0
