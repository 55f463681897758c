// What golang.org/x/oauth2 costs, used as its documentation shows: Config.Exchange, then a TokenSource that is shared. The package keeps no
// tokens: so there is the TokenSource that its users write round it, with the token in a file, read again before a refresh.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

var input = bufio.NewReader(os.Stdin)

// ask prints a line for whoever started this, and reads the line that answers it.
func ask(line string) string {
	fmt.Println(line)
	answer, err := input.ReadString('\n')
	if err != nil {
		log.Fatal(err)
	}
	return strings.TrimSpace(answer)
}

func config(issuer string) *oauth2.Config {
	return &oauth2.Config{
		ClientID:    "demo",
		RedirectURL: "http://127.0.0.1/callback/work-sso",
		Scopes:      []string{"openid", "email", "offline_access"},
		Endpoint: oauth2.Endpoint{
			AuthURL:   issuer + "/authorize",
			TokenURL:  issuer + "/token",
			AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}

func login(config *oauth2.Config) *oauth2.Token {
	verifier := oauth2.GenerateVerifier()
	redirect := ask(config.AuthCodeURL("state-of-this-login", oauth2.S256ChallengeOption(verifier)))
	address, err := url.Parse(redirect)
	if err != nil {
		log.Fatal(err)
	}
	code := address.Query().Get("code")
	token, err := config.Exchange(context.Background(), code, oauth2.VerifierOption(verifier))
	if err != nil {
		log.Fatal(err)
	}
	return token
}

// fileSource gives the token in a file, and refreshes it.
type fileSource struct {
	config  *oauth2.Config
	context context.Context
	file    string
	lock    sync.Mutex
	held    *oauth2.Token
}

var errLoggedOut = errors.New("logged out")

func (source *fileSource) Token() (*oauth2.Token, error) {
	source.lock.Lock()
	defer source.lock.Unlock()
	if source.held.Valid() {
		return source.held, nil
	}
	// Another process may have refreshed it.
	old := stored(source.file)
	if old == nil {
		return nil, errLoggedOut
	}
	token, err := source.config.TokenSource(source.context, old).Token()
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) && refused.ErrorCode == "invalid_grant" {
			if now := stored(source.file); now != nil && now.RefreshToken == old.RefreshToken {
				os.Remove(source.file)
			}
		}
		return nil, err
	}
	if token.AccessToken != old.AccessToken {
		if err := store(source.file, token); err != nil {
			return nil, err
		}
	}
	source.held = token
	return token, nil
}

// named puts the header into requests by which the provider's log tells processes apart.
type named string

func (name named) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("x-worker", string(name))
	return http.DefaultTransport.RoundTrip(request)
}

// work is an app whose threads ask for tokens until standard input is closed.
func work(source oauth2.TokenSource, threads int) {
	for i := 0; i < threads; i++ {
		go func() {
			for {
				time.Sleep(time.Duration(1+rand.IntN(8)) * time.Millisecond)
				if _, err := source.Token(); err != nil {
					if err != errLoggedOut {
						said, _ := json.Marshal(map[string]string{"Passing": err.Error()})
						fmt.Println(string(said))
					}
					time.Sleep(50 * time.Millisecond)
				}
			}
		}()
	}
	io.Copy(io.Discard, input)
}

func main() {
	scenario, issuer, file := os.Args[1], os.Args[2], os.Args[3]
	config := config(issuer)
	switch scenario {
	case "login":
		login(config)
		ask("# count /token")
		token := login(config)
		if err := store(file, token); err != nil {
			log.Fatal(err)
		}
		fmt.Println(`result {}`)
	case "cached":
		times, _ := strconv.Atoi(os.Args[5])
		source := &fileSource{config: config, context: context.Background(), file: file}
		source.Token()
		begun := time.Now()
		for i := 0; i < times; i++ {
			if _, err := source.Token(); err != nil {
				log.Fatal(err)
			}
		}
		fmt.Printf("result {\"nanoseconds\":%f}\n", float64(time.Since(begun).Nanoseconds())/float64(times))
	case "work":
		threads, _ := strconv.Atoi(os.Args[5])
		client := &http.Client{Transport: named(os.Args[6])}
		context := context.WithValue(context.Background(), oauth2.HTTPClient, client)
		work(&fileSource{config: config, context: context, file: file}, threads)
	case "race":
		callers, _ := strconv.Atoi(os.Args[5])
		source := &fileSource{config: config, context: context.Background(), file: file}
		ask("# ready now")
		var done sync.WaitGroup
		var lock sync.Mutex
		failed := 0
		for i := 0; i < callers; i++ {
			done.Add(1)
			go func() {
				defer done.Done()
				if _, err := source.Token(); err != nil {
					lock.Lock()
					failed++
					lock.Unlock()
				}
			}()
		}
		done.Wait()
		fmt.Printf("result {\"failed\":%d}\n", failed)
	}
}

// stored is nil where the user has to log in again.
func stored(file string) *oauth2.Token {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	token := new(oauth2.Token)
	if err := json.Unmarshal(text, token); err != nil {
		log.Fatal(err)
	}
	return token
}

// store writes it in one step: whoever reads it reads all of it.
func store(file string, token *oauth2.Token) error {
	text, err := json.Marshal(token)
	if err != nil {
		return err
	}
	written := fmt.Sprintf("%s.%d", file, os.Getpid())
	if err := os.WriteFile(written, text, 0o600); err != nil {
		return err
	}
	return os.Rename(written, file)
}
